import { Text } from '@mantine/core'
import { getRouteApi, Link } from '@tanstack/react-router'

import type { RunView } from '@/api/generated/schema'
import { count, duration, money, plainly } from '@/ui/format'
import { Moment, useNow } from '@/ui/moments'
import { Outcome } from '@/ui/Outcome'
import { isActive, OutcomeBadge, OUTCOMES } from '@/ui/outcomes'
import { usePrinting } from '@/ui/printing'
import { Screen } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { Ticked } from '@/ui/Ticked'
import { cause } from '@/ui/triggers'
import { Artifacts } from './Artifacts'
import { useLiveRun, type Tokens } from '@/api/liveRun'
import { RunActions } from './RunActions'
import { rerunOf } from './reruns'
import classes from './Run.module.css'
import { Printed } from './Printed'
import { RunOutcome } from './RunOutcome'
import { StepPanel } from './StepPanel'
import { StepTree } from './StepTree'
import { Waits } from './Waits'
import { Why } from './Why'

const route = getRouteApi('/inside/p/$project/runs/$run')

/** One run: what it does now or did, step by step, and why it ran. */
export function RunScreen() {
  const { project, run } = route.useParams()
  const { query, tokens } = useLiveRun(run)
  const view = query.data
  return (
    <Screen
      title={view?.task ?? 'Run'}
      outcome={view?.status}
      beside={view && <OutcomeBadge status={view.status} />}
      actions={view && <RunActions project={project} run={view} />}
    >
      <Answered query={query} rows={10}>
        {(found) => <Record project={project} run={found} tokens={tokens} />}
      </Answered>
    </Screen>
  )
}

function Record({ project, run, tokens }: { project: string; run: RunView; tokens: Tokens }) {
  const { step: chosen } = route.useSearch()
  const step = run.steps.find((one) => one.path === chosen)
  const printing = usePrinting()
  return (
    <>
      <Facts project={project} run={run} />
      {run.error && (
        <Outcome good={false} title={run.error.step ? `${OUTCOMES[run.status].label} at ${run.error.step}` : OUTCOMES[run.status].label}>
          <div>
            <bdi>
              <Ticked text={plainly(run.error.message)} />
            </bdi>
          </div>
          {run.error.hint && <div>{run.error.hint}</div>}
        </Outcome>
      )}
      {run.reason && run.status !== 'succeeded' && (
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          <bdi>{plainly(run.reason)}</bdi>
        </Text>
      )}
      <Waits project={project} waits={run.waiting} />
      <div className={classes.columns} data-printing={printing || undefined}>
        <div className={classes.left}>
          <StepTree run={run} chosen={chosen} />
        </div>
        <div className={classes.right}>
          {step ? (
            <StepPanel run={run} step={step} text={tokens[step.path]} />
          ) : (
            <>
              <RunOutcome run={run} />
              <Artifacts files={run.artifacts} />
              <Why project={project} run={run} />
            </>
          )}
        </div>
      </div>
      {printing && <Printed project={project} shown={run} />}
    </>
  )
}

function Facts({ project, run }: { project: string; run: RunView }) {
  const { queued, running, waiting } = useTimings(run)
  const tokens = run.usage.input_tokens + run.usage.output_tokens
  return (
    <div className={classes.facts}>
      <span>
        <Link to="/p/$project/tasks/$task" params={{ project, task: run.task }} search={{ tab: 'versions' }}>
          v{run.version}
        </Link>{' '}
        {cause(run.trigger, run.starter)}
      </span>
      <Moment at={run.queued_at} as="absolute" />
      <span>
        queued {duration(queued)} · ran {duration(running)}
        {waiting >= 0.001 && ` · waited ${duration(waiting)}`}
      </span>
      {tokens > 0 && (
        <span>
          {count(tokens)} tokens · {money(Number(run.usage.usd))}
        </span>
      )}
      {run.rerun_of && (
        <Link to="/p/$project/runs/$run" params={{ project, run: run.rerun_of }}>
          {rerunOf(run.rerun_from)} another run
        </Link>
      )}
      {run.parent && (
        <Link to="/p/$project/runs/$run" params={{ project, run: run.parent }}>
          part of another run
        </Link>
      )}
      {run.untrusted && <span>carries data from outside</span>}
      <code className={classes.id}>{run.id}</code>
    </div>
  )
}

/** Where the time went; what goes on now grows by itself. */
function useTimings(run: RunView): { queued: number; running: number; waiting: number } {
  const now = useNow(isActive(run.status) ? 1000 : null)
  const told = { ...run.timings }
  if (!isActive(run.status)) return told
  const total = (now - Date.parse(run.queued_at)) / 1000
  const more = Math.max(0, total - told.queued - told.running - told.waiting)
  told[run.status as keyof typeof told] += more
  return told
}
