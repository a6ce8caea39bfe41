import type { RunView } from '@/api/generated/schema'
import { RecordedValue } from '@/ui/JsonValue'
import { isActive } from '@/ui/outcomes'
import { Section } from '@/ui/Screen'
import { Recorded } from './Recorded'

/** What came of the run, and what it was given. */
export function RunOutcome({ run }: { run: RunView }) {
  const given = Object.keys(run.arguments).length > 0
  return (
    <>
      {!isActive(run.status) && run.error === null && (
        <Section title="Output">
          <Recorded run={run.id} path={null} value={run.output} size={run.output_size} label="Output of the run" />
        </Section>
      )}
      {given && (
        <Section title="Arguments">
          <RecordedValue value={run.arguments} label="Arguments of the run" />
        </Section>
      )}
    </>
  )
}
