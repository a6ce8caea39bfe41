import { Button, Group, Text, TextInput } from '@mantine/core'
import { useState } from 'react'

import { IconCheck, IconCircleDashed, IconHourglass, IconSquareRoundedX, IconTool } from '@/ui/icons'
import { RecordedValue } from '@/ui/JsonValue'
import classes from './Message.module.css'
import type { Call } from './parts'

/** What a person says to a call that waits. */
export interface Choice {
  allowed: boolean
  reason: string
}

interface ToolCallProps {
  call: Call
  /** The answer it belongs to has ended: what has no result now gets none. */
  ended: boolean
  /** It waits for the reader's click. */
  waits: boolean
  choice: Choice | undefined
  onChoose: (choice: Choice) => void
}

/** A call of a tool, folded; open where it waits for a click. */
export function ToolCall({ call, ended, waits, choice, onChoose }: ToolCallProps) {
  const { Icon, word, tone } = standing(call, ended, waits)
  return (
    <details className={classes.call} data-tone={tone} open={waits || undefined}>
      <summary>
        <IconTool size={14} aria-hidden />
        <code>{call.tool}</code>
        <span className={classes.callState}>
          <Icon size={14} aria-hidden /> {word}
        </span>
      </summary>
      <div className={classes.callBody}>
        <Text size="xs" fw={500}>
          Input
        </Text>
        <RecordedValue value={call.input ?? null} label={`Input of ${call.tool}`} />
        {call.state === 'output-available' && (
          <>
            <Text size="xs" fw={500}>
              Output
            </Text>
            <RecordedValue value={call.output ?? null} label={`Output of ${call.tool}`} />
          </>
        )}
        {call.error && (
          <Text size="sm" c="var(--mantine-color-error)" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
            {call.error}
          </Text>
        )}
        {call.reason && <Text size="sm">{call.reason}</Text>}
        {waits && <Ask tool={call.tool} choice={choice} onChoose={onChoose} />}
      </div>
    </details>
  )
}

function Ask({ tool, choice, onChoose }: { tool: string; choice: Choice | undefined; onChoose: (choice: Choice) => void }) {
  const [reason, setReason] = useState('')
  if (choice) {
    return (
      <Text size="sm" c="dimmed">
        {choice.allowed ? 'Allowed' : 'Refused'}; the other calls still wait for your answer.
      </Text>
    )
  }
  return (
    <div className={classes.ask} role="group" aria-label={`May ${tool} be called?`}>
      <Text size="sm">It may reach something outside. Exactly this call runs once if you allow it.</Text>
      <Group gap="xs" align="flex-end">
        <Button size="compact-md" onClick={() => onChoose({ allowed: true, reason: '' })}>
          Allow this call
        </Button>
        <Button size="compact-md" variant="default" onClick={() => onChoose({ allowed: false, reason: reason.trim() })}>
          Refuse
        </Button>
        <TextInput size="xs" aria-label="Why it is refused" placeholder="Why not (the model is told)" maxLength={500} value={reason} onChange={({ currentTarget }) => setReason(currentTarget.value)} />
      </Group>
    </div>
  )
}

function standing(call: Call, ended: boolean, waits: boolean) {
  switch (call.state) {
    case 'output-available':
      return { Icon: IconCheck, word: 'done', tone: 'done' }
    case 'output-error':
      return { Icon: IconSquareRoundedX, word: 'failed', tone: 'failed' }
    case 'output-denied':
      return { Icon: IconSquareRoundedX, word: 'refused', tone: 'quiet' }
    case 'approval-requested':
      return waits ? { Icon: IconHourglass, word: 'waits for you', tone: 'waits' } : { Icon: IconHourglass, word: 'waits for a click', tone: 'waits' }
    default:
      return ended ? { Icon: IconSquareRoundedX, word: 'ended before it was done', tone: 'quiet' } : { Icon: IconCircleDashed, word: 'at work', tone: 'running' }
  }
}
