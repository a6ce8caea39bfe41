import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import type { SimulationView, TriggerView } from '@/api/generated/schema'
import { triggersQuery } from '@/api/queries'
import { Caution } from '@/ui/Caution'
import { count, money, plural } from '@/ui/format'
import { Moment } from '@/ui/moments'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import classes from './Schedule.module.css'
import { ScheduleTrial } from './ScheduleTrial'

const route = getRouteApi('/inside/p/$project/schedule')

/** What starts by itself: when next, how much over 90 days, and a place to try a schedule. */
export function ScheduleScreen() {
  const { project } = route.useParams()
  const triggers = useQuery(triggersQuery(project))
  const simulation = useQuery({
    queryKey: ['triggers', project, 'simulation'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/simulation', { params: { path: { project }, query: { days: 90 } }, signal })),
    staleTime: 60_000,
  })
  return (
    <Screen title="Schedule">
      <Answered query={triggers}>
        {(found) => (found.length === 0 ? <Empty title="Nothing starts by itself">A task gets a trigger in its file, under <code>triggers:</code>.</Empty> : <Triggers project={project} triggers={found} />)}
      </Answered>
      <Section title="The next 90 days">
        <Answered query={simulation} rows={4}>
          {(found) => <Simulation simulation={found} />}
        </Answered>
      </Section>
      <Section title="Try a schedule">
        <ScheduleTrial project={project} />
      </Section>
    </Screen>
  )
}

function Triggers({ project, triggers }: { project: string; triggers: readonly TriggerView[] }) {
  const soonest = [...triggers].sort((one, other) => (one.next_at ? Date.parse(one.next_at) : Infinity) - (other.next_at ? Date.parse(other.next_at) : Infinity))
  return (
    <div className={table.wrap}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Next</th>
            <th scope="col">Task</th>
            <th scope="col">Trigger</th>
            <th scope="col">When</th>
            <th scope="col">Last</th>
          </tr>
        </thead>
        <tbody>
          {soonest.map((trigger) => (
            <tr key={trigger.id}>
              <td>{trigger.next_at ? <Moment at={trigger.next_at} zone={trigger.timezone} as="minute" /> : <span className={table.dim}>–</span>}</td>
              <td>
                <Link to="/p/$project/tasks/$task" params={{ project, task: trigger.task }} search={{ tab: 'triggers' }} className={table.name}>
                  <bdi>{trigger.task}</bdi>
                </Link>
              </td>
              <td>
                {trigger.name} {trigger.held && <Caution title={trigger.held}>held</Caution>}
              </td>
              <td className={table.dim}>{trigger.sentence ?? trigger.kind}</td>
              <td className={table.dim}>
                {trigger.last_planned_at ? (
                  <>
                    {trigger.last_outcome} <Moment at={trigger.last_planned_at} zone={trigger.timezone} />
                  </>
                ) : (
                  'not yet'
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** A square for each day, darker the more starts. */
function Simulation({ simulation }: { simulation: SimulationView }) {
  const most = Math.max(1, ...simulation.days.map((day) => day.starts))
  const spend = simulation.days.reduce((total, day) => total + day.usd, 0)
  return (
    <div className={classes.simulation}>
      <div className={classes.heat} role="img" aria-label={`Starts by day over ${simulation.days.length} days, ${most} on the busiest`}>
        {simulation.days.map((day) => (
          <span
            key={day.day}
            className={classes.day}
            title={`${day.day}: ${plural(day.starts, 'start')}${day.usd ? `, about ${money(day.usd)}` : ''}`}
            style={{ opacity: day.starts ? 0.25 + (0.75 * day.starts) / most : 1, background: day.starts ? 'var(--outcome-running)' : 'var(--surface-sunken)' }}
          />
        ))}
      </div>
      <Text size="sm">
        {plural(simulation.starts, 'start')} planned ({count(simulation.skipped)} skipped){spend > 0 && `, about ${money(spend)}`}; at most {simulation.most_in_a_minute} in one minute.
      </Text>
      {[...simulation.suggestions, ...simulation.unreadable].map((said) => (
        <Text key={said} size="sm" c="dimmed">
          {said}
        </Text>
      ))}
    </div>
  )
}
