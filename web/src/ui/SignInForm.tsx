import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { api, ask, sentence } from '@/api/client'

/** Name and password, and the identity provider where there is one. */
export function SignInForm({ onSignedIn, next = '/' }: { onSignedIn: () => void; next?: string }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const entrance = useQuery({
    queryKey: ['entrance'],
    queryFn: () => ask(api.GET('/api/v1/entrance')),
    staleTime: Infinity,
  })
  const signIn = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/session', { body: { name, password } })),
    onSuccess: onSignedIn,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {signIn.isError && (
          <Text role="alert" size="sm" c="var(--mantine-color-error)">
            {sentence(signIn.error)}
          </Text>
        )}
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          autoComplete="username"
          required
          withAsterisk={false}
          data-autofocus
        />
        <PasswordInput
          label="Password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          required
          withAsterisk={false}
        />
        <Button type="submit" loading={signIn.isPending} mt={4}>
          Sign in
        </Button>
        {entrance.data?.sign_on && (
          <Button variant="default" component="a" href={`/api/v1/sign-on?return_to=${encodeURIComponent(next)}`}>
            Sign in with your organisation
          </Button>
        )}
      </Stack>
    </form>
  )
}
