import { Button, Group, Modal, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { useFocusBack } from './focusBack'
import { failed } from './toast'

interface ConfirmProps {
  title: string
  /** What will happen, and whether it can be taken back. */
  children: ReactNode
  /** The verb on the button. */
  act: string
  /** Red: something is lost by it. */
  colour?: 'red' | 'indigo'
  onConfirm: () => Promise<unknown>
  close: () => void
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, children, act, colour = 'red', onConfirm, close }: ConfirmProps) {
  useFocusBack()
  const change = useMutation({ mutationFn: onConfirm, onSuccess: close, onError: failed })
  return (
    <Modal opened onClose={close} title={title}>
      <Text size="sm" component="div">
        {children}
      </Text>
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close}>
          Leave it
        </Button>
        <Button color={colour} loading={change.isPending} onClick={() => change.mutate()}>
          {act}
        </Button>
      </Group>
    </Modal>
  )
}
