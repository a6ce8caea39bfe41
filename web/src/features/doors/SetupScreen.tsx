import { TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { api, ask } from '@/api/client'
import { session } from '@/api/session'
import { Door } from './Door'
import { NewPassword } from './NewPassword'

const route = getRouteApi('/setup')

/** Where the link of the first start leads: it makes the administrator, once. */
export function SetupScreen() {
  const { link } = route.useSearch()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const setUp = useMutation({
    mutationFn: (password: string) => ask(api.POST('/api/v1/setup', { body: { link: link ?? '', name, password } })),
    onSuccess: () => {
      session.began()
      void navigate({ to: '/', replace: true })
    },
  })
  return (
    <Door title="Set up Errands" about="Make the first administrator. The link that brought you here works once.">
      <NewPassword
        submitLabel="Make the administrator"
        pending={setUp.isPending}
        error={setUp.error}
        onSubmit={(password) => setUp.mutate(password)}
      >
        <TextInput
          label="Name"
          description="You sign in with it: lower-case letters, digits, - and _"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          autoComplete="username"
          maxLength={63}
          required
          withAsterisk={false}
        />
      </NewPassword>
    </Door>
  )
}
