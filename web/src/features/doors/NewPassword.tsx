import { Button, PasswordInput, Stack, Text } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'

import { sentence } from '@/api/client'

interface NewPasswordProps {
  children?: ReactNode
  submitLabel: string
  pending: boolean
  error: unknown
  onSubmit: (password: string) => void
}

/** A password that nobody had before, typed once and shown on demand. */
export function NewPassword({ children, submitLabel, pending, error, onSubmit }: NewPasswordProps) {
  const [password, setPassword] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSubmit(password)
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {error ? (
          <Text role="alert" size="sm" c="var(--mantine-color-error)">
            {sentence(error)}
          </Text>
        ) : null}
        {children}
        <PasswordInput
          label="Password"
          description="12 characters or more"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="new-password"
          minLength={12}
          required
          withAsterisk={false}
        />
        <Button type="submit" loading={pending} mt={4}>
          {submitLabel}
        </Button>
      </Stack>
    </form>
  )
}
