import { Modal, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'

import { session, useStanding } from '@/api/session'
import { SignInForm } from '@/ui/SignInForm'

/** The session has ended while somebody worked: sign in here, and nothing that was typed is lost. */
export function SignInAgain() {
  const { signedOut } = useStanding()
  const client = useQueryClient()
  const signedIn = () => {
    session.began()
    void client.invalidateQueries()
  }
  return (
    <Modal
      opened={signedOut}
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title="Your session has ended"
    >
      <Text size="sm" c="dimmed" mb="md">
        Sign in to go on. What you were doing is still here.
      </Text>
      <SignInForm onSignedIn={signedIn} />
    </Modal>
  )
}
