import { Text } from '@mantine/core'

import type { JsonValue } from '@/api/generated/schema'
import { IconCheck } from '@/ui/icons'
import { RecordedValue } from '@/ui/JsonValue'
import { kindOfRecord } from '@/ui/steps/kinds'
import { isOutcome, OutcomeBadge, OutcomeIcon } from '@/ui/outcomes'
import classes from './Cards.module.css'

type Line = Record<string, JsonValue>

/** What came of a rehearsal: nothing left the machine. Of a saved conversation, how it differs from what was done. */
export function Rehearsal({ data }: { data: Line }) {
  const steps = Array.isArray(data.steps) ? (data.steps as Line[]) : []
  const error = data.error as { step?: string | null; message?: string; hint?: string | null } | null | undefined
  const differences = Array.isArray(data.differences) ? data.differences.map(String) : null
  const status = String(data.status)
  return (
    <div className={classes.rehearsal} role="group" aria-label="Result of the dry run">
      <div className={classes.line}>
        {isOutcome(status) && <OutcomeBadge status={status} />}
        <Text size="xs" c="dimmed">
          Nothing left the machine.
        </Text>
      </div>
      {differences &&
        (differences.length === 0 ? (
          <Text size="sm" className={classes.line}>
            <IconCheck size={15} aria-hidden /> It makes the same calls and comes to the same output as the conversation.
          </Text>
        ) : (
          <>
            <Text size="sm">It differs from the conversation:</Text>
            <ul className={classes.problems}>
              {differences.map((one) => (
                <li key={one}>{one}</li>
              ))}
            </ul>
          </>
        ))}
      {error && (
        <Text size="sm" c="var(--mantine-color-error)" style={{ overflowWrap: 'anywhere' }}>
          {error.step && <code>{error.step}: </code>}
          {error.message} {error.hint}
        </Text>
      )}
      {data.output !== null && data.output !== undefined && (
        <>
          <Text size="xs" fw={500}>
            Output
          </Text>
          <RecordedValue value={data.output} label="Output of the dry run" />
        </>
      )}
      {steps.map((step) => (
        <details key={String(step.step)} className={classes.step}>
          <summary>
            {isOutcome(String(step.status)) && <OutcomeIcon status={String(step.status) as never} size={13} />} <code>{String(step.step)}</code>{' '}
            <span className={classes.dim}>{kindOfRecord(String(step.kind ?? ''))}</span>
          </summary>
          <RecordedValue value={step.output ?? null} label={`Output of ${String(step.step)}`} />
        </details>
      ))}
    </div>
  )
}
