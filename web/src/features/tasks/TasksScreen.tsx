import { ActionIcon, Badge, Button, TextInput, VisuallyHidden } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import type { TaskFigures, TaskView, TriggerView } from '@/api/generated/schema'
import { overviewQuery, projectQuery, tasksQuery, triggersQuery } from '@/api/queries'
import { Caution } from '@/ui/Caution'
import { money } from '@/ui/format'
import { IconPlayerPlayFilled, IconSearch } from '@/ui/icons'
import { Moment, useZone } from '@/ui/moments'
import { tookText } from '@/ui/RunTable'
import { Screen } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import { Strip } from '@/ui/Strip'
import table from '@/ui/Table.module.css'

const route = getRouteApi('/inside/p/$project/tasks')
const PAGE = 100

/** Every task of the project: how it does, and what it does next. */
export function TasksScreen() {
  const { project } = route.useParams()
  const { q = '' } = route.useSearch()
  const navigate = useNavigate()
  const query = useQuery(tasksQuery(project))
  const own = useQuery(projectQuery(project))
  return (
    <Screen
      title="Tasks"
      actions={
        <>
        <TextInput
          aria-label="Filter tasks"
          placeholder="Filter by name or tag"
          leftSection={<IconSearch size={14} aria-hidden />}
          value={q}
          onChange={({ currentTarget: { value } }) =>
            void navigate({ to: '.', search: { q: value || undefined }, replace: true })
          }
        />
        {own.data?.rights.includes('task.edit') && (
          <Button renderRoot={(props) => <Link to="/p/$project/new-task" params={{ project }} {...props} />}>New task</Button>
        )}
        </>
      }
    >
      <Answered query={query} rows={8}>
        {(tasks) => <Tasks project={project} tasks={tasks.filter((task) => fits(task, q))} sought={q} />}
      </Answered>
    </Screen>
  )
}

function Tasks({ project, tasks, sought }: { project: string; tasks: readonly TaskView[]; sought: string }) {
  const [shown, setShown] = useState(PAGE)
  const zone = useZone()
  const overview = useQuery(overviewQuery(project, 14, zone))
  const triggers = useQuery(triggersQuery(project))
  const own = useQuery(projectQuery(project))
  const figures = new Map(overview.data?.tasks.map((one) => [one.task, one]))
  if (tasks.length === 0) {
    return (
      <Empty title={sought ? `No task is named like “${sought}”` : 'This project has no task yet'}>
        {sought ? 'Try fewer letters.' : 'Apply a task file with `errands apply`, and it appears here at once.'}
      </Empty>
    )
  }
  return (
    <>
      <div className={table.wrap}>
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col">Last runs</th>
              <th scope="col">Next</th>
              <th scope="col" className={table.number}>
                Succeeded
              </th>
              <th scope="col" className={table.number}>
                p95
              </th>
              <th scope="col" className={table.number}>
                Spend, 14 d
              </th>
              <th scope="col">
                <VisuallyHidden>Actions</VisuallyHidden>
              </th>
            </tr>
          </thead>
          <tbody>
            {tasks.slice(0, shown).map((task) => (
              <Row
                key={task.id}
                project={project}
                task={task}
                figures={figures.get(task.name)}
                next={soonest(triggers.data, task.name)}
                mayRun={own.data?.rights.includes('task.run') ?? false}
              />
            ))}
          </tbody>
        </table>
      </div>
      {tasks.length > shown && (
        <Button variant="default" onClick={() => setShown(shown + PAGE)}>
          Show {Math.min(PAGE, tasks.length - shown)} more of {tasks.length}
        </Button>
      )}
    </>
  )
}

interface RowProps {
  project: string
  task: TaskView
  figures: TaskFigures | undefined
  next: TriggerView | undefined
  mayRun: boolean
}

function Row({ project, task, figures, next, mayRun }: RowProps) {
  const ended = figures ? figures.succeeded + figures.failed : 0
  return (
    <tr>
      <td>
        <Link to="/p/$project/tasks/$task" params={{ project, task: task.name }} className={table.name}>
          <bdi>{task.title ?? task.name}</bdi>
        </Link>
        <span className={`${table.clip} ${table.dim}`}>
          {task.title && <code>{task.name}</code>} {task.paused_at && <Paused note={task.pause_note} />}
          {task.published === null && <Badge size="xs" variant="outline" color="gray">not published</Badge>}
          {task.tags.map((tag) => (
            <Badge key={tag} size="xs" variant="light" color="gray" tt="none">
              {tag}
            </Badge>
          ))}
        </span>
      </td>
      <td>
        <Strip project={project} runs={figures?.recent ?? []} />
      </td>
      <td className={table.dim}>{next?.next_at ? <Moment at={next.next_at} zone={next.timezone} /> : '–'}</td>
      <td className={table.number}>{figures && ended ? `${Math.floor((figures.succeeded / ended) * 100)} %` : '–'}</td>
      <td className={table.number}>{tookText(figures?.p95_seconds ?? null)}</td>
      <td className={table.number}>{figures?.usd ? money(figures.usd) : '–'}</td>
      <td className={table.number}>
        {mayRun && task.published !== null && (
          <ActionIcon
            data-actions
            variant="subtle"
            component={Link}
            to="/p/$project/tasks/$task/run"
            params={{ project, task: task.name } as never}
            aria-label={`Run ${task.title ?? task.name}`}
          >
            <IconPlayerPlayFilled size={15} />
          </ActionIcon>
        )}
      </td>
    </tr>
  )
}

export function Paused({ note }: { note: string | null }) {
  return <Caution title={note ?? undefined}>paused{note ? `: ${note}` : ''}</Caution>
}

function fits(task: TaskView, sought: string): boolean {
  const text = [task.name, task.title, ...task.tags].join(' ').toLowerCase()
  return sought
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

function soonest(triggers: readonly TriggerView[] | undefined, task: string): TriggerView | undefined {
  return triggers
    ?.filter((trigger) => trigger.task === task && trigger.next_at !== null && trigger.held === null)
    .sort((one, other) => Date.parse(one.next_at ?? '') - Date.parse(other.next_at ?? ''))[0]
}
