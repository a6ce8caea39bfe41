import { Button, Group, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'

import type { ApprovalView, RunLine, TriggerView } from '@/api/generated/schema'
import { approvalsQuery, overviewQuery, projectQuery, soonestQuery, tasksLikeQuery } from '@/api/queries'
import { rerun, runsOfStatusQuery } from '@/api/runs'
import { DayBars } from '@/ui/DayBars'
import { count, duration, firstLine, inShort, money } from '@/ui/format'
import { Moment, Took, useZone } from '@/ui/moments'
import { OutcomeIcon } from '@/ui/outcomes'
import { Screen, Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { TaskName } from '@/ui/TaskName'
import { failed } from '@/ui/toast'
import { cause } from '@/ui/triggers'
import { FirstSteps } from './FirstSteps'
import classes from './Home.module.css'

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
    <Card title="Waiting for you" count={query.data?.length}>
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
    <Card title="Running now" count={query.data?.items.length}>
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
  const { data: own } = useQuery(projectQuery(project))
  const navigate = useNavigate()
  const again = useMutation({
    mutationFn: (run: string) => rerun(run, null),
    onSuccess: ({ id }) => void navigate({ to: '/p/$project/runs/$run', params: { project, run: id } }),
    onError: failed,
  })
  return (
    <Card title="Failed lately">
      <Answered query={query} rows={2}>
        {(page) => (
          <Lines items={page.items} empty="No run has failed.">
            {(run) => (
              <RunItem key={run.id} project={project} run={run} note={run.error ? inShort(run.error.message) : undefined}>
                <Moment at={run.finished_at ?? run.queued_at} />
                {own?.rights.includes('run.rerun') && (
                  <Button size="compact-xs" variant="default" loading={again.isPending && again.variables === run.id} onClick={() => again.mutate(run.id)}>
                    Rerun
                  </Button>
                )}
              </RunItem>
            )}
          </Lines>
        )}
      </Answered>
    </Card>
  )
}

function Next({ project }: { project: string }) {
  const query = useQuery(soonestQuery(project, SHOWN))
  return (
    <Card title="Next">
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

function Card({ title, count: number, children }: { title: string; count?: number | undefined; children: React.ReactNode }) {
  return (
    <section className={classes.card} aria-label={title}>
      <Group gap={8} mb={6}>
        <h2 className={classes.cardTitle}>{title}</h2>
        {number ? <span className={classes.number}>{number}</span> : null}
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

const upcoming = (triggers: readonly TriggerView[]): TriggerView[] =>
  triggers
    .filter((trigger) => trigger.next_at !== null && trigger.held === null)
    .sort((one, other) => Date.parse(one.next_at ?? '') - Date.parse(other.next_at ?? ''))
