import { Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'

import type { ApprovalView, RunLine, TriggerView } from '@/api/generated/schema'
import { approvalsQuery, overviewQuery, projectQuery, soonestQuery, tasksLikeQuery } from '@/api/queries'
import { runsOfStatusQuery } from '@/api/runs'
import { DayBars } from '@/ui/DayBars'
import { count, duration, firstLine, inShort, money } from '@/ui/format'
import { Moment, Took, useZone } from '@/ui/moments'
import { OutcomeIcon } from '@/ui/outcomes'
import { Screen, Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { TaskName } from '@/ui/TaskName'
import { cause } from '@/ui/triggers'
import { FirstSteps } from './FirstSteps'
import classes from './Home.module.css'

const RerunById = lazy(() => import('@/features/runs/RerunById'))

const route = getRouteApi('/inside/p/$project/')
const SHOWN = 6

/** What goes on, what failed, what waits for the reader, what comes next. */
export function HomeScreen() {
  const { project } = route.useParams()
  const tasks = useQuery(tasksLikeQuery(project, '', 1))
  if (tasks.data?.length === 0) return <FirstSteps project={project} />
  return (
    <Screen title="Home">
      <div className={classes.grid}>
        <Waiting project={project} />
        <Running project={project} />
        <Failed project={project} />
        <Next project={project} />
      </div>
      <Fortnight project={project} />
    </Screen>
  )
}

function Waiting({ project }: { project: string }) {
  const query = useQuery(approvalsQuery(project, true))
  return (
    <Card title="Waiting for you" count={query.data?.length} all={<Link to="/p/$project/inbox" params={{ project }} aria-label="All questions">All</Link>}>
      <Answered query={query} rows={2}>
        {(approvals) => (
          <Lines items={approvals} empty="Nobody waits for an answer of yours.">
            {(approval) => <Question key={approval.id} project={project} approval={approval} />}
          </Lines>
        )}
      </Answered>
    </Card>
  )
}

function Question({ project, approval }: { project: string; approval: ApprovalView }) {
  return (
    <li className={classes.line}>
      <OutcomeIcon status="waiting" />
      <Link to="/p/$project/inbox" params={{ project }} search={{ approval: approval.id }} className={classes.main}>
        <bdi>{firstLine(approval.question)}</bdi>
      </Link>
      <span className={classes.side}>
        <bdi>{approval.task_title ?? approval.task}</bdi> · <Moment at={approval.created_at} />
      </span>
    </li>
  )
}

function Running({ project }: { project: string }) {
  const query = useQuery(runsOfStatusQuery(project, 'running'))
  return (
    <Card title="Running now" count={query.data?.items.length} more={Boolean(query.data?.next_cursor)} all={<Link to="/p/$project/runs" params={{ project }} search={{ status: 'running' }} aria-label="All running runs">All</Link>}>
      <Answered query={query} rows={2}>
        {(page) => (
          <Lines items={page.items} empty="Nothing runs at the moment.">
            {(run) => (
              <RunItem key={run.id} project={project} run={run}>
                {cause(run.trigger, run.starter)} · <Took from={run.started_at} to={null} />
              </RunItem>
            )}
          </Lines>
        )}
      </Answered>
    </Card>
  )
}

function Failed({ project }: { project: string }) {
  const query = useQuery(runsOfStatusQuery(project, 'failed', SHOWN))
  const { data: late } = useQuery(runsOfStatusQuery(project, 'timed_out', SHOWN))
  const { data: own } = useQuery(projectQuery(project))
  const [again, setAgain] = useState<string | null>(null)
  return (
    <Card title="Failed lately" all={<Link to="/p/$project/runs" params={{ project }} search={{ status: 'failed' }} aria-label="All failed runs">All</Link>}>
      <Answered query={query} rows={2}>
        {(page) => (
          <Lines items={latest(page.items, late?.items)} empty="No run has failed.">
            {(run) => (
              <RunItem key={run.id} project={project} run={run} note={run.error ? inShort(run.error.message) : undefined}>
                <Moment at={run.finished_at ?? run.queued_at} />
                {own?.rights.includes('run.rerun') && (
                  <Button size="compact-xs" variant="default" aria-label={`Rerun ${run.task} …`} onClick={() => setAgain(run.id)}>
                    Rerun
                  </Button>
                )}
              </RunItem>
            )}
          </Lines>
        )}
      </Answered>
      {again && (
        <Suspense>
          <RerunById project={project} run={again} close={() => setAgain(null)} />
        </Suspense>
      )}
    </Card>
  )
}

function Next({ project }: { project: string }) {
  const query = useQuery(soonestQuery(project, SHOWN))
  return (
    <Card title="Next" all={<Link to="/p/$project/schedule" params={{ project }} aria-label="All triggers">All</Link>}>
      <Answered query={query} rows={2}>
        {(triggers) => (
          <Lines items={upcoming(triggers)} empty="No schedule is due.">
            {(trigger) => (
              <li key={trigger.id} className={classes.line}>
                <OutcomeIcon status="queued" />
                <Link to="/p/$project/tasks/$task" params={{ project, task: trigger.task }} search={{ tab: 'triggers' }} className={classes.main}>
                  <TaskName name={trigger.task} title={trigger.task_title} />
                </Link>
                <span className={classes.side}>
                  {trigger.next_at && <Moment at={trigger.next_at} zone={trigger.timezone} as="minute" />}
                  {trigger.next_at && (
                    <span>
                      (<Moment at={trigger.next_at} zone={trigger.timezone} />)
                    </span>
                  )}
                </span>
              </li>
            )}
          </Lines>
        )}
      </Answered>
    </Card>
  )
}

function Fortnight({ project }: { project: string }) {
  const zone = useZone()
  const query = useQuery(overviewQuery(project, 14, zone, 'days'))
  return (
    <Section title="14 days">
      <Answered query={query} rows={3}>
        {({ days }) => {
          const sum = (of: (day: (typeof days)[number]) => number) => days.reduce((total, day) => total + of(day), 0)
          const succeeded = sum((day) => day.succeeded)
          const ended = succeeded + sum((day) => day.failed + day.timed_out)
          const slowest = Math.max(0, ...days.map((day) => day.p95_seconds ?? 0))
          return (
            <div className={classes.fortnight}>
              <DayBars days={days} />
              <dl className={classes.figures}>
                <Figure name="Succeeded" value={ended ? `${((succeeded / ended) * 100).toFixed(ended > 999 ? 1 : 0)} %` : '–'} />
                <Figure name="Runs" value={count(ended + sum((day) => day.cancelled + day.skipped + day.active))} />
                <Figure name="95 % within" value={slowest ? duration(slowest) : '–'} />
                <Figure name="Spend" value={money(sum((day) => day.usd))} />
              </dl>
            </div>
          )
        }}
      </Answered>
    </Section>
  )
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div className={classes.figure}>
      <dt>{name}</dt>
      <dd className="figures">{value}</dd>
    </div>
  )
}

interface CardProps {
  title: string
  count?: number | undefined
  /** There are more than were counted. */
  more?: boolean
  /** Leads to the list of which these are the first. */
  all: React.ReactNode
  children: React.ReactNode
}

function Card({ title, count: number, more = false, all, children }: CardProps) {
  return (
    <section className={classes.card} aria-label={title}>
      <Group gap={8} mb={6}>
        <h2 className={classes.cardTitle}>{title}</h2>
        {number ? <span className={classes.number}>{more ? `${number}+` : number}</span> : null}
        <span className={classes.all}>{all}</span>
      </Group>
      {children}
    </section>
  )
}

function Lines<Item>({ items, empty, children }: { items: readonly Item[]; empty: string; children: (item: Item) => React.ReactNode }) {
  if (items.length === 0) return <Text size="sm" c="dimmed">{empty}</Text>
  return <ul className={classes.lines}>{items.slice(0, SHOWN).map(children)}</ul>
}

interface RunItemProps {
  project: string
  run: RunLine
  note?: string | undefined
  children: React.ReactNode
}

function RunItem({ project, run, note, children }: RunItemProps) {
  return (
    <li className={classes.line}>
      <OutcomeIcon status={run.status} />
      <Link to="/p/$project/runs/$run" params={{ project, run: run.id }} className={classes.main}>
        <TaskName name={run.task} title={run.task_title} />
        {note && <span className={classes.note}>{note}</span>}
      </Link>
      <span className={classes.side}>{children}</span>
    </li>
  )
}

/** Runs that failed and runs that timed out, the newest first. */
const latest = (failed: readonly RunLine[], late: readonly RunLine[] = []): RunLine[] =>
  [...failed, ...late].sort((one, other) => Date.parse(other.queued_at) - Date.parse(one.queued_at))

const upcoming = (triggers: readonly TriggerView[]): TriggerView[] =>
  triggers
    .filter((trigger) => trigger.next_at !== null && trigger.held === null)
    .sort((one, other) => Date.parse(one.next_at ?? '') - Date.parse(other.next_at ?? ''))
