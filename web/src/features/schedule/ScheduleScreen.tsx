import { Button, VisuallyHidden } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import type { TriggerView } from '@/api/generated/schema'
import { allTriggersQuery, projectQuery } from '@/api/queries'
import { cards } from '@/ui/cards'
import { Caution } from '@/ui/Caution'
import { Moment } from '@/ui/moments'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import { TaskName } from '@/ui/TaskName'
import table from '@/ui/Table.module.css'
import { done, failed } from '@/ui/toast'
import { Closed } from './Closed'
import { Simulation } from './Simulation'
import { TryOne } from './TryOne'

const route = getRouteApi('/inside/p/$project/schedule')

/** What starts by itself: when next, how much over 90 days, and a place to try a schedule. */
export function ScheduleScreen() {
  const { project } = route.useParams()
  const triggers = useInfiniteQuery(allTriggersQuery(project))
  const simulation = useQuery({
    queryKey: ['triggers', project, 'simulation'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/simulation', { params: { path: { project }, query: { days: 90 } }, signal })),
    staleTime: 60_000,
  })
  return (
    <Screen title="Schedule">
      <Answered query={triggers}>
        {({ pages }) =>
          pages[0]?.items.length ? (
            <>
              <Triggers project={project} triggers={pages.flatMap((page) => page.items)} />
              {triggers.hasNextPage && (
                <Button variant="default" style={{ alignSelf: 'flex-start' }} loading={triggers.isFetchingNextPage} onClick={() => void triggers.fetchNextPage()}>
                  Show later ones
                </Button>
              )}
            </>
          ) : (
            <Empty title="Nothing starts by itself">
              Open a task’s <em>Triggers</em> and add a schedule, or try one below and put it into a task.
            </Empty>
          )
        }
      </Answered>
      <Section title="The next 90 days">
        <Answered query={simulation} rows={4}>
          {(found) => <Simulation simulation={found} />}
        </Answered>
      </Section>
      <Closed project={project} />
      <Section title="Try a schedule">
        <TryOne project={project} />
      </Section>
    </Screen>
  )
}

function Triggers({ project, triggers }: { project: string; triggers: readonly TriggerView[] }) {
  return (
    <div className={table.wrap}>
      <table className={table.table} {...cards(['Next', 'Task', 'Trigger', 'When', 'Last'], true)}>
        <thead>
          <tr>
            <th scope="col">Next</th>
            <th scope="col">Task</th>
            <th scope="col">Trigger</th>
            <th scope="col">When</th>
            <th scope="col">Last</th>
            <th scope="col">
              <VisuallyHidden>Actions</VisuallyHidden>
            </th>
          </tr>
        </thead>
        <tbody>
          {triggers.map((trigger) => (
            <tr key={trigger.id}>
              <td>{trigger.next_at ? <Moment at={trigger.next_at} zone={trigger.timezone} as="minute" /> : <span className={table.dim}>–</span>}</td>
              <td>
                <Link to="/p/$project/tasks/$task" params={{ project, task: trigger.task }} search={{ tab: 'triggers' }} className={table.name}>
                  <TaskName name={trigger.task} title={trigger.task_title} />
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
              <td className={table.number}>
                <Switch project={project} trigger={trigger} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Stops or lets go a trigger; its planned times are recorded as skipped meanwhile. */
function Switch({ project, trigger }: { project: string; trigger: TriggerView }) {
  const { data } = useQuery(projectQuery(project))
  const client = useQueryClient()
  const params = { path: { project, task: trigger.task, trigger: trigger.name } }
  const change = useMutation({
    mutationFn: () =>
      trigger.enabled
        ? ask(api.POST('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/disable', { params, body: { note: null } }))
        : ask(api.POST('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/enable', { params, body: { catch_up: true } })),
    onSuccess: ({ enabled }) => {
      done(enabled ? `Trigger ${trigger.name} is on` : `Trigger ${trigger.name} is off; its times are recorded as skipped`)
      void client.invalidateQueries({ queryKey: ['triggers', project] })
    },
    onError: failed,
  })
  if (!data?.rights.includes('trigger.switch')) return null
  return (
    <Button data-actions size="compact-xs" variant="default" loading={change.isPending} aria-label={`Switch ${trigger.name} of ${trigger.task} ${trigger.enabled ? 'off' : 'on'}`} onClick={() => change.mutate()}>
      {trigger.enabled ? 'Switch off' : 'Switch on'}
    </Button>
  )
}
