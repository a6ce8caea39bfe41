import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import { inShort, plural } from '@/ui/format'
import { Moment, useNow } from '@/ui/moments'
import { Rows } from '@/ui/Rows'
import { Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { type Failure, grouped } from './failures'

const MOST_RUNS = 200
const SHOWN = 20

/** What goes wrong, the most frequent first: the newest runs that failed, by task, step, kind and message. */
export function Failures({ project, days }: { project: string; days: number }) {
  const hour = Math.floor(useNow(60_000) / 3_600_000) * 3_600_000
  const since = new Date(hour - days * 86_400_000).toISOString()
  const query = useQuery({
    queryKey: ['runs', project, 'failures', since],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/projects/{project}/runs', { params: { path: { project }, query: { status: 'failed', since, limit: MOST_RUNS } }, signal })),
  })
  return (
    <Section title="What goes wrong">
      <Answered query={query} rows={3}>
        {({ items, next_cursor }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              No run has failed in these days.
            </Text>
          ) : (
            <>
              <Rows label="What goes wrong" columns={['#Runs', 'Task', 'Step', 'What', 'First', 'Last']}>
                {grouped(items)
                  .slice(0, SHOWN)
                  .map((one) => (
                    <Row key={one.fingerprint} project={project} days={days} failure={one} />
                  ))}
              </Rows>
              <Left shown={items.length} more={next_cursor !== null} kinds={grouped(items).length} />
            </>
          )
        }
      </Answered>
    </Section>
  )
}

/** What the table leaves out. */
function Left({ shown, more, kinds }: { shown: number; more: boolean; kinds: number }) {
  const said = [kinds > SHOWN && `The ${SHOWN} most frequent of ${kinds} failures.`, more && `Of the newest ${plural(shown, 'run')} that failed.`].filter(Boolean)
  if (said.length === 0) return null
  return (
    <Text size="xs" c="dimmed">
      {said.join(' ')}
    </Text>
  )
}

function Row({ project, days, failure }: { project: string; days: number; failure: Failure }) {
  return (
    <tr>
      <td className={table.number}>
        <Link to="/p/$project/runs" params={{ project }} search={{ task: failure.task, status: 'failed', days }}>
          {failure.runs}
        </Link>
      </td>
      <td>
        <Link to="/p/$project/tasks/$task" params={{ project, task: failure.task }} className={table.name}>
          <bdi>{failure.task}</bdi>
        </Link>
      </td>
      <td>
        <code className={table.dim}>{failure.step ?? '–'}</code>
      </td>
      <td>
        <Link to="/p/$project/runs/$run" params={{ project, run: failure.run }} search={{ step: failure.step?.includes('[]') ? undefined : (failure.step ?? undefined) }} className={table.clip} title={failure.message}>
          <bdi>
            {failure.kind}: {inShort(failure.message)}
          </bdi>
        </Link>
      </td>
      <td className={table.dim}>
        <Moment at={failure.first} />
      </td>
      <td className={table.dim}>
        <Moment at={failure.last} />
      </td>
    </tr>
  )
}
