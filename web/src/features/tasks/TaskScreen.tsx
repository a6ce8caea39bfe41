import { Badge, Button, Tabs } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'

import type { TaskView } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { IconPlayerPlayFilled } from '@/ui/icons'
import { Screen, Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { Grants } from './Grants'
import { LifecycleMenu, PutAwayNotice } from './Lifecycle'
import { PauseButton } from './PauseButton'
import { taskQuery } from './queries'
import { TABS, type Tab } from './search'
import { TaskAccess } from './TaskAccess'
import { TaskOverview } from './TaskOverview'
import { TaskRuns } from './TaskRuns'
import { TaskSource } from './TaskSource'
import { TaskTriggers } from './TaskTriggers'
import { Paused } from './TasksScreen'
import { Versions } from './Versions'

const route = getRouteApi('/inside/p/$project/tasks/$task')
const LABELS: Record<Tab, string> = {
  overview: 'Overview',
  yaml: 'YAML',
  versions: 'Versions',
  runs: 'Runs',
  triggers: 'Triggers',
  access: 'Access',
}

/** One task: what it does, how it does, its versions and what starts it. */
export function TaskScreen() {
  const { project, task: name } = route.useParams()
  const { tab = 'overview' } = route.useSearch()
  const navigate = useNavigate()
  const query = useQuery(taskQuery(project, name))
  const show = (chosen: string | null) => {
    const wanted = TABS.find((one) => one === chosen)
    void navigate({ to: '.', search: { tab: wanted === 'overview' ? undefined : wanted } })
  }
  return (
    <Screen
      title={query.data?.title ?? name}
      beside={query.data && <Standing task={query.data} />}
      actions={query.data && <Actions project={project} task={query.data} />}
    >
      {query.data && <PutAwayNotice project={project} task={query.data} />}
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="md">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {LABELS[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Answered query={query}>
          {(task) => (
            <>
              <Tabs.Panel value="overview">
                <TaskOverview project={project} task={task} />
              </Tabs.Panel>
              <Tabs.Panel value="yaml">
                <TaskSource project={project} task={task.name} />
              </Tabs.Panel>
              <Tabs.Panel value="versions">
                <Versions project={project} task={task} />
              </Tabs.Panel>
              <Tabs.Panel value="runs">
                <TaskRuns project={project} task={task.name} />
              </Tabs.Panel>
              <Tabs.Panel value="triggers">
                <TaskTriggers project={project} task={task.name} />
              </Tabs.Panel>
              <Tabs.Panel value="access">
                <Section title="Who">
                  <TaskAccess project={project} task={task.name} />
                </Section>
                <Section title="What it may use">
                  <Grants project={project} task={task.name} />
                </Section>
              </Tabs.Panel>
            </>
          )}
        </Answered>
      </Tabs>
    </Screen>
  )
}

function Standing({ task }: { task: TaskView }) {
  return (
    <>
      {task.published === null ? (
        <Badge variant="outline" color="gray" tt="none">
          not published
        </Badge>
      ) : (
        <Badge variant="light" color="gray" tt="none">
          v{task.published} published
        </Badge>
      )}
      {task.published !== null && task.latest > task.published && (
        <Badge variant="outline" color="gray" tt="none">
          v{task.latest} not published
        </Badge>
      )}
      {task.paused_at && <Paused note={task.pause_note} />}
    </>
  )
}

function Actions({ project, task }: { project: string; task: TaskView }) {
  const { data } = useQuery(projectQuery(project))
  const may = (right: string) => data?.rights.includes(right) ?? false
  return (
    <>
      {may('task.pause') && task.archived_at === null && <PauseButton project={project} task={task} />}
      {may('task.edit') && task.archived_at === null && (
        <Button
          variant="default"
          renderRoot={(props) => (
            <Link to="/p/$project/tasks/$task/edit" params={{ project, task: task.name }} {...props} />
          )}
        >
          Edit
        </Button>
      )}
      {may('task.run') && task.published !== null && task.archived_at === null && (
        <Button
          leftSection={<IconPlayerPlayFilled size={13} aria-hidden />}
          renderRoot={(props) => (
            <Link to="/p/$project/tasks/$task/run" params={{ project, task: task.name }} {...props} />
          )}
        >
          Run
        </Button>
      )}
      <LifecycleMenu project={project} task={task} />
    </>
  )
}
