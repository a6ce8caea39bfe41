import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { RunView } from '@/api/generated/schema'
import { bytes } from '@/ui/format'
import { RecordedValue } from '@/ui/JsonValue'
import { isActive } from '@/ui/outcomes'
import { Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { useState } from 'react'

/** What came of the run, and what it was given. */
export function RunOutcome({ run }: { run: RunView }) {
  const given = Object.keys(run.arguments).length > 0
  return (
    <>
      {!isActive(run.status) && run.error === null && (
        <Section title="Output">
          {run.output_size ? <Large run={run} size={run.output_size} /> : <RecordedValue value={run.output} label="Output of the run" />}
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

/** An output that is fetched only when somebody wants to see it. */
function Large({ run, size }: { run: RunView; size: number }) {
  const [wanted, setWanted] = useState(false)
  const query = useQuery({
    queryKey: ['run', run.id, 'output'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/runs/{run}/output', { params: { path: { run: run.id } }, signal })),
    enabled: wanted,
    staleTime: Infinity,
  })
  if (!wanted) return <Button variant="default" style={{ alignSelf: 'flex-start' }} onClick={() => setWanted(true)}>Load {bytes(size)}</Button>
  return <Answered query={query}>{(value) => <RecordedValue value={value} label="Output of the run" />}</Answered>
}
