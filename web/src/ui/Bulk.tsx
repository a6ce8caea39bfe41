import { Button, Group, List, Modal, Progress as Bar, Text } from '@mantine/core'
import { type ReactNode, useRef, useState } from 'react'

import { sentence } from '@/api/client'
import { useFocusBack } from './focusBack'
import { inTurns, type Progress } from './inTurns'

interface BulkProps {
  title: string
  /** What will happen to how many, and whether it can be taken back. */
  children: ReactNode
  /** The verb on the button, with the count. */
  act: string
  /** It cannot be taken back. */
  final?: boolean
  things: readonly string[]
  onEach: (thing: string) => Promise<unknown>
  close: () => void
}

/** Says how many it will be, then does it to all of them, tells how far it is and what went wrong. */
export function Bulk({ title, children, act, final = false, things, onEach, close }: BulkProps) {
  useFocusBack()
  const [progress, setProgress] = useState<Progress | null>(null)
  const [ended, setEnded] = useState(false)
  const stop = useRef(false)
  const begin = async () => {
    setProgress({ done: 0, failures: new Map() })
    const came = await inTurns(things, onEach, { onProgress: setProgress, stopped: () => stop.current })
    setProgress(came)
    setEnded(true)
    if (came.failures.size === 0 && came.done === things.length) close()
  }
  return (
    <Modal opened onClose={close} title={title} closeOnClickOutside={progress === null || ended} closeOnEscape={progress === null || ended} withCloseButton={progress === null || ended}>
      {progress === null ? (
        <Text size="sm" component="div">
          {children}
        </Text>
      ) : (
        <>
          <Text size="sm" role="status" className="figures">
            {progress.done} of {things.length}
          </Text>
          <Bar mt="xs" value={(progress.done / Math.max(things.length, 1)) * 100} aria-label={title} />
          <Failures progress={progress} />
        </>
      )}
      <Group justify="flex-end" mt="lg" gap="xs">
        {progress === null ? (
          <>
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <Button {...(final ? { color: 'red' } : {})} disabled={things.length === 0} onClick={() => void begin()}>
              {act}
            </Button>
          </>
        ) : ended ? (
          <Button autoFocus onClick={close}>
            Close
          </Button>
        ) : (
          // The button that was pressed is gone: the keys go on from here, and stay in the dialog.
          <Button autoFocus variant="default" onClick={() => (stop.current = true)}>
            Stop after these
          </Button>
        )}
      </Group>
    </Modal>
  )
}

/** Each reason once, with how often it was given. */
function Failures({ progress }: { progress: Progress }) {
  const reasons = new Map<string, number>()
  for (const error of progress.failures.values()) reasons.set(sentence(error), (reasons.get(sentence(error)) ?? 0) + 1)
  if (reasons.size === 0) return null
  return (
    <List size="sm" mt="sm" role="alert">
      {[...reasons].map(([reason, times]) => (
        <List.Item key={reason}>
          {times} not done: {reason}
        </List.Item>
      ))}
    </List>
  )
}
