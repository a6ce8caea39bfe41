import { Button, SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'

import type { Overview, TaskFigures } from '@/api/generated/schema'
import { overviewQuery } from '@/api/queries'
import { DayBars, OnlyNewest } from '@/ui/DayBars'
import { count, money } from '@/ui/format'
import { useZone } from '@/ui/moments'
import { tookText } from '@/ui/RunTable'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty, Lead } from '@/ui/states'
import { Strip } from '@/ui/Strip'
import table from '@/ui/Table.module.css'
import { Failures } from './Failures'
import { type Order, ORDERS } from './search'

const route = getRouteApi('/inside/p/$project/insights')
/** What gives way at a telephone's width. */
const MINOR = new Set(['Succeeded', 'Half within', '95 % within', 'Tokens'])
const SPANS = ['7', '14', '30', '90']

/** What fails, what is slow, what costs: by day and by task. */
export function InsightsScreen() {
  const { project } = route.useParams()
  const { days = 30, by = 'failed' } = route.useSearch()
  const zone = useZone()
  const navigate = useNavigate()
  const query = useQuery(overviewQuery(project, days, zone))
  return (
    <Screen
      title="Insights"
      actions={
        <>
          <SegmentedControl
            size="xs"
            aria-label="Days"
            value={String(days)}
            data={SPANS.map((value) => ({ value, label: `${value} days` }))}
            onChange={(chosen) => void navigate({ to: '.', search: { by, days: Number(chosen) }, replace: true })}
          />
          <Button variant="default" component="a" href={`/api/v1/projects/${encodeURIComponent(project)}/runs/export?format=csv`} download>
            Export runs
          </Button>
        </>
      }
    >
      <Answered query={query} rows={8}>
        {(overview) => (overview.tasks.length === 0 ? <Nothing project={project} /> : <Figures project={project} overview={overview} by={by} days={days} />)}
      </Answered>
    </Screen>
  )
}

function Nothing({ project }: { project: string }) {
  return (
    <Empty
      title="Nothing ran in these days"
      action={
        <Lead to="/p/$project/tasks" project={project}>
          Open the tasks
        </Lead>
      }
    >
      Run a task, and its figures appear here: what fails, what is slow, what costs.
    </Empty>
  )
}

function Figures({ project, overview, by, days }: { project: string; overview: Overview; by: Order; days: number }) {
  const navigate = useNavigate()
  const tasks = [...overview.tasks].sort((one, other) => ORDERS[by].of(other) - ORDERS[by].of(one))
  return (
    <>
      <Section title="Runs by day">
        <div className={table.wrap} style={{ padding: 16 }}>
          <DayBars days={overview.days} height={160} />
          <OnlyNewest overview={overview} />
        </div>
      </Section>
      <Section
        title="Tasks"
        aside={
          <SegmentedControl
            size="xs"
            aria-label="Order"
            ms="auto"
            value={by}
            data={Object.entries(ORDERS).map(([value, { label }]) => ({ value, label }))}
            onChange={(chosen) => void navigate({ to: '.', search: (before) => ({ ...before, by: chosen as Order }), replace: true })}
          />
        }
      >
        <div className={table.wrap}>
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">Task</th>
                <th scope="col" className={table.minor}>
                  Last runs
                </th>
                {['Runs', 'Failed', 'Succeeded', 'Half within', '95 % within', 'Tokens', 'Spend'].map((head) => (
                  <th key={head} scope="col" className={`${table.number} ${MINOR.has(head) ? table.minor : ''}`}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {tasks.map((task) => (
                <Row key={task.task} project={project} task={task} />
              ))}
            </tbody>
          </table>
        </div>
      </Section>
      <Failures project={project} days={days} />
    </>
  )
}

function Row({ project, task }: { project: string; task: TaskFigures }) {
  const ended = task.succeeded + task.failed
  return (
    <tr>
      <td>
        <Link to="/p/$project/tasks/$task" params={{ project, task: task.task }} className={table.name}>
          <bdi>{task.task}</bdi>
        </Link>
      </td>
      <td className={table.minor}>
        <Strip project={project} runs={task.recent} />
      </td>
      <td className={table.number}>{count(task.runs)}</td>
      <td className={table.number}>
        {task.failed ? (
          <Link to="/p/$project/runs" params={{ project }} search={{ task: task.task, status: 'failed' }}>
            {count(task.failed)}
          </Link>
        ) : (
          '–'
        )}
      </td>
      <td className={`${table.number} ${table.minor}`}>{ended ? `${Math.floor((task.succeeded / ended) * 100)} %` : '–'}</td>
      <td className={`${table.number} ${table.minor}`}>{tookText(task.p50_seconds)}</td>
      <td className={`${table.number} ${table.minor}`}>{tookText(task.p95_seconds)}</td>
      <td className={`${table.number} ${table.minor}`}>{task.tokens ? count(task.tokens) : '–'}</td>
      <td className={table.number}>{task.usd ? money(task.usd) : '–'}</td>
    </tr>
  )
}
