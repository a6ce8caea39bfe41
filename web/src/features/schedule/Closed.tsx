import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import { Moment, useNow } from '@/ui/moments'
import { Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import classes from './Schedule.module.css'

const SHOWN = 6

/** The closed periods that come next; schedules that name their calendar start nothing then. */
export function Closed({ project }: { project: string }) {
  const now = useNow(60_000)
  const query = useQuery({
    queryKey: ['calendars', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/calendars', { params: { path: { project } }, signal })),
  })
  return (
    <Section
      title="Closed periods"
      aside={
        <Link to="/p/$project/calendars" params={{ project }}>
          Calendars
        </Link>
      }
    >
      <Answered query={query} rows={2}>
        {(calendars) => {
          const coming = calendars
            .flatMap(({ name, periods }) => periods.map((period) => ({ name, ...period })))
            .filter(({ end }) => Date.parse(end) > now)
            .sort((one, other) => Date.parse(one.start) - Date.parse(other.start))
          if (coming.length === 0)
            return (
              <Text size="sm" c="dimmed">
                No calendar closes anything from now on.
              </Text>
            )
          return (
            <ul className={classes.firings}>
              {coming.slice(0, SHOWN).map((period) => (
                <li key={`${period.name} ${period.start}`}>
                  <Moment at={period.start} as="minute" /> to <Moment at={period.end} as="minute" />{' '}
                  <Text span size="xs" c="dimmed">
                    {period.name}
                    {period.note ? `: ${period.note}` : ''}
                  </Text>
                </li>
              ))}
            </ul>
          )
        }}
      </Answered>
    </Section>
  )
}
