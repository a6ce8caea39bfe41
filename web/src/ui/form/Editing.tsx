import { Alert, Button, Group, Modal, Text } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'

import { isStatus } from '@/api/client'
import { IconAlertTriangle } from '@/ui/icons'

/** Asks before what was typed is left behind. */
export function LeaveGuard({ changed }: { changed: boolean }) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => changed && current.pathname !== next.pathname,
    enableBeforeUnload: changed,
    withResolver: true,
  })
  if (blocker.status !== 'blocked') return null
  return (
    <Modal opened onClose={blocker.reset} title="Leave without saving?">
      <Text size="sm">What you changed here is not saved yet.</Text>
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={blocker.reset}>
          Stay
        </Button>
        <Button color="red" onClick={blocker.proceed}>
          Leave
        </Button>
      </Group>
    </Modal>
  )
}

interface MeanwhileProps {
  /** The server has another one than the one that is edited. */
  behind: boolean
  error: unknown
  /** Begin again with what the server has. */
  reload: () => void
}

/** Somebody else has changed what is edited here: nothing of theirs is overwritten. */
export function Meanwhile({ behind, error, reload }: MeanwhileProps) {
  if (!behind && !isStatus(error, 412)) return null
  return (
    <Alert color="orange" variant="light" icon={<IconAlertTriangle size={18} aria-hidden />} role="alert" title="Somebody has changed it meanwhile">
      <Text size="sm">What you save here would overwrite it, so it is refused. Copy what you need, and begin with what is there.</Text>
      <Button mt="xs" size="compact-sm" variant="default" onClick={reload}>
        Show what is there
      </Button>
    </Alert>
  )
}
