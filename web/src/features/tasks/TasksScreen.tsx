import { Badge, Button, Group, MultiSelect, SegmentedControl, VisuallyHidden } from '@mantine/core'
import { useQueries, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { memo, startTransition, useDeferredValue, useMemo, useState } from 'react'

import type { TaskFigures, TaskView, TriggerView } from '@/api/generated/schema'
import { overviewQuery, projectQuery, tasksQuery, triggersQuery } from '@/api/queries'
import { Caution } from '@/ui/Caution'
import { ColumnMenu } from '@/ui/ColumnMenu'
import { byTens, CHOICE, type Column, type Columns, tracks, useColumns } from '@/ui/columns'
import { runFormAddress, taskAddress, useFollow } from '@/ui/follow'
import { money } from '@/ui/format'
import { IconPlayerPlayFilled } from '@/ui/icons'
import { Moment, useZone } from '@/ui/moments'
import { tookText } from '@/ui/RunTable'
import { Screen } from '@/ui/Screen'
import { useRowKeys } from '@/ui/rowKeys'
import { useSelection } from '@/ui/selection'
import { Sought } from '@/ui/Sought'
import { Answered, Empty, Lead } from '@/ui/states'
import { Strip } from '@/ui/Strip'
import table from '@/ui/Table.module.css'
import { Tick } from '@/ui/Tick'
import { BulkTasks } from './BulkTasks'
import type { TasksSearch } from './search'
import classes from './Tasks.module.css'

const route = getRouteApi('/inside/p/$project/tasks')
const PAGE = 50
const ACTS = '48px'
const FIGURES = `${table.number} ${table.minor}`

type TaskColumn = 'task' | 'recent' | 'next' | 'succeeded' | 'within' | 'spend'

const COLUMNS: readonly Column<TaskColumn>[] = [
  { name: 'task', label: 'Task', width: 'minmax(160px, 1fr)', naming: true },
  { name: 'recent', label: 'Last runs', width: '170px' },
  { name: 'next', label: 'Next', width: '100px' },
  { name: 'succeeded', label: 'Succeeded', width: '92px', figures: true, minor: true },
  { name: 'within', label: '95 % within', width: '100px', figures: true, minor: true },
  { name: 'spend', label: 'Spend, 14 d', width: '100px', figures: true, minor: true },
]

/** Every task of the project: how it does, and what it does next. */
export function TasksScreen() {
  const { project } = route.useParams()
  const { q = '', tags = NO_TAGS, archived = false } = route.useSearch()
  const query = useQuery(tasksQuery(project, archived))
  const own = useQuery(projectQuery(project))
  const columns = useColumns('tasks', COLUMNS)
  // Typing is shown at once; the list follows when there is time.
  const sought = useDeferredValue(q)
  const tagged = tags.join('\n')
  const shown = useMemo(() => {
    const wanted = tagged ? tagged.split('\n') : []
    return (query.data ?? []).filter((task) => (task.archived_at !== null) === archived && fits(task, sought) && wanted.every((tag) => task.tags.includes(tag)))
  }, [query.data, archived, sought, tagged])
  return (
    <Screen
      title={archived ? 'Archived tasks' : 'Tasks'}
      actions={
        own.data?.rights.includes('task.edit') && (
          <Button renderRoot={(props) => <Link to="/p/$project/new-task" params={{ project }} {...props} />}>New task</Button>
        )
      }
    >
      <Filters tasks={query.data ?? []} columns={columns} />
      <Answered query={query} rows={8}>
        {() => <Tasks key={String(archived)} project={project} tasks={shown} columns={columns.shown} sought={`${sought} ${tagged}`.trim()} archived={archived} />}
      </Answered>
    </Screen>
  )
}

const NO_TAGS: readonly string[] = []

function Filters({ tasks, columns }: { tasks: readonly TaskView[]; columns: Columns<TaskColumn> }) {
  const search = route.useSearch()
  const navigate = useNavigate()
  const known = useMemo(() => [...new Set(tasks.flatMap((task) => task.tags))].sort(), [tasks])
  const set = (change: TasksSearch) => void navigate({ to: '.', search: { ...search, ...change }, replace: true })
  return (
    <Group gap="xs" role="search" aria-label="Filter tasks">
      <Sought label="Filter tasks" placeholder="Filter by name or tag" words={search.q ?? ''} onWords={(q) => set({ q: q || undefined })} />
      {(known.length > 0 || search.tags) && (
        <MultiSelect
          aria-label="Tags"
          placeholder={search.tags?.length ? undefined : 'Any tag'}
          data={[...new Set([...known, ...(search.tags ?? [])])]}
          value={[...(search.tags ?? [])]}
          onChange={(tags) => set({ tags: tags.length ? tags : undefined })}
          searchable
          clearable
          limit={50}
          miw={170}
        />
      )}
      <SegmentedControl
        size="xs"
        aria-label="Which tasks"
        value={search.archived ? 'archived' : 'working'}
        onChange={(which) => set({ archived: which === 'archived' ? true : undefined })}
        data={[
          { value: 'working', label: 'At work' },
          { value: 'archived', label: 'Archived' },
        ]}
      />
      <ColumnMenu columns={columns} />
    </Group>
  )
}

interface TasksProps {
  project: string
  tasks: readonly TaskView[]
  columns: readonly Column<TaskColumn>[]
  sought: string
  archived: boolean
}

const Tasks = memo(function Tasks({ project, tasks, columns, sought, archived }: TasksProps) {
  const follow = useFollow()
  const selection = useSelection()
  const [shown, setShown] = useState(PAGE)
  const zone = useZone()
  const overview = useQuery(overviewQuery(project, 14, zone, 'tasks'))
  const pages = Array.from({ length: Math.ceil(Math.min(shown, tasks.length) / PAGE) }, (_, number) => tasks.slice(number * PAGE, (number + 1) * PAGE).map(({ name }) => name))
  const next = useQueries({ queries: archived ? [] : pages.map((names) => triggersQuery(project, names)), combine: soonestOf })
  const own = useQuery(projectQuery(project))
  const navigate = useNavigate()
  const mayRun = own.data?.rights.includes('task.run') ?? false
  useRowKeys((key, task) => {
    const runs = tasks.some(({ name, published }) => name === task && published !== null)
    if (key === 'r' && mayRun && !archived && runs) void navigate({ to: '/p/$project/tasks/$task/run', params: { project, task } })
  })
  const chosen = useMemo(() => tasks.filter(({ name }) => selection.chosen.has(name)), [tasks, selection.chosen])
  const figures = useMemo(() => new Map(overview.data?.tasks.map((one) => [one.task, one])), [overview.data])
  if (tasks.length === 0 && archived && !sought) return <Empty title="Nothing is archived">A task that is archived or deleted waits here, and can be brought back.</Empty>
  if (tasks.length === 0 && sought) return <NoneFits archived={archived} />
  if (tasks.length === 0) {
    return (
      <Empty
        title="This project has no task yet"
        action={
          <Lead to="/p/$project/templates" project={project}>
            Look at the templates
          </Lead>
        }
      >
        A task is a file of steps. Begin with a template, write a new one, or apply a file: <code>errands apply -f tasks/</code>
      </Empty>
    )
  }
  return (
    <>
      <div className={table.wrap}>
        <table className={`${table.table} ${table.long} ${classes.tasks}`} style={tracks(columns, CHOICE, ACTS)} onClick={follow}>
          <thead>
            <tr>
              <th scope="col" className={table.choice}>
                <Tick
                  label="Choose all that fit"
                  checked={chosen.length === tasks.length}
                  some={chosen.length > 0 && chosen.length < tasks.length}
                  onChange={(checked) => selection.put(tasks.map(({ name }) => name), checked)}
                />
              </th>
              {columns.map(({ name, label, figures, minor }) => (
                <th key={name} scope="col" className={`${figures ? table.number : ''} ${minor ? table.minor : ''}`}>
                  {label}
                </th>
              ))}
              <th scope="col">
                <VisuallyHidden>Actions</VisuallyHidden>
              </th>
            </tr>
          </thead>
          {byTens(tasks.slice(0, shown)).map(({ rows, style }, place) => (
            <tbody key={place} style={style}>
              {rows.map((task) => (
                <Row
                  key={task.id}
                  project={project}
                  task={task}
                  columns={columns}
                  figures={figures.get(task.name)}
                  next={next.get(task.name)}
                  chosen={selection.chosen.has(task.name)}
                  onToggle={selection.toggle}
                  mayRun={mayRun}
                />
              ))}
            </tbody>
          ))}
        </table>
      </div>
      {tasks.length > shown && (
        <Button variant="default" onClick={() => startTransition(() => setShown(shown + PAGE))}>
          Show {Math.min(PAGE, tasks.length - shown)} more of {tasks.length}
        </Button>
      )}
      <BulkTasks project={project} chosen={chosen} selection={selection} />
    </>
  )
})

function NoneFits({ archived }: { archived: boolean }) {
  const navigate = useNavigate()
  return (
    <Empty
      title="No task fits this filter"
      action={
        <Button variant="default" onClick={() => void navigate({ to: '.', search: { archived: archived || undefined }, replace: true })}>
          Show all tasks
        </Button>
      }
    >
      Words are sought in names, titles and tags; all of them must be there.
    </Empty>
  )
}

interface RowProps {
  project: string
  task: TaskView
  columns: readonly Column<TaskColumn>[]
  figures: TaskFigures | undefined
  next: TriggerView | undefined
  mayRun: boolean
  chosen: boolean
  onToggle: (name: string) => void
}

/** Drawn anew only where its own task has changed. */
const Row = memo(function Row({ project, task, columns, figures, next, mayRun, chosen, onToggle }: RowProps) {
  const label = task.title ?? task.name
  return (
    <tr data-id={task.name} data-selected={chosen || undefined}>
      <td className={table.choice}>
        <Tick label={`Choose ${label}`} checked={chosen} onChange={() => onToggle(task.name)} />
      </td>
      {columns.map(({ name }) => cell(name, project, task, figures, next))}
      <td className={`${table.number} ${classes.act}`}>
        {mayRun && task.published !== null && task.archived_at === null && (
          <a href={runFormAddress(project, task.name)} className={classes.run} data-actions aria-label={`Run ${label}`}>
            <IconPlayerPlayFilled size={15} aria-hidden />
          </a>
        )}
      </td>
    </tr>
  )
})

/** What a column says of a task. No component of its own: thousands of cells are drawn. */
function cell(column: TaskColumn, project: string, task: TaskView, figures: TaskFigures | undefined, next: TriggerView | undefined) {
  const ended = figures ? figures.succeeded + figures.failed : 0
  switch (column) {
    case 'task':
      return (
        <td key={column} className={classes.task}>
          <a href={taskAddress(project, task.name)} className={table.name}>
            <bdi>{task.title ?? task.name}</bdi>
          </a>
          <About task={task} />
        </td>
      )
    case 'recent':
      return (
        <td key={column} className={classes.strip}>
          <Strip project={project} runs={figures?.recent ?? []} />
        </td>
      )
    case 'next':
      return (
        <td key={column} className={`${table.dim} ${classes.next}`}>
          {next?.next_at ? <Moment at={next.next_at} zone={next.timezone} /> : <span className={classes.never}>–</span>}
        </td>
      )
    case 'succeeded':
      return (
        <td key={column} className={FIGURES}>
          {figures && ended ? `${Math.floor((figures.succeeded / ended) * 100)} %` : '–'}
        </td>
      )
    case 'within':
      return (
        <td key={column} className={FIGURES}>
          {tookText(figures?.p95_seconds ?? null)}
        </td>
      )
    case 'spend':
      return (
        <td key={column} className={FIGURES}>
          {figures?.usd ? money(figures.usd) : '–'}
        </td>
      )
  }
}

/** Below the title of a task: its name, how it stands, its tags. */
function About({ task }: { task: TaskView }) {
  return (
    <span className={`${table.clip} ${table.dim}`}>
      {task.title && <code>{task.name}</code>}
      {task.paused_at && <Paused note={task.pause_note} />}
      {task.published === null && (
        <Badge size="xs" variant="outline" color="gray">
          not published
        </Badge>
      )}
      {task.remove_at && (
        <Caution>
          removed <Moment at={task.remove_at} />
        </Caution>
      )}
      {task.tags.map((tag) => (
        <Badge key={tag} size="xs" variant="light" color="gray" tt="none">
          {tag}
        </Badge>
      ))}
    </span>
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

/** The trigger of each task that fires next. */
function soonestOf(pages: readonly { data: TriggerView[] | undefined }[]): Map<string, TriggerView> {
  const found = new Map<string, TriggerView>()
  for (const trigger of pages.flatMap(({ data }) => data ?? [])) {
    if (trigger.next_at === null || trigger.held !== null) continue
    const before = found.get(trigger.task)
    if (!before?.next_at || Date.parse(trigger.next_at) < Date.parse(before.next_at)) found.set(trigger.task, trigger)
  }
  return found
}
