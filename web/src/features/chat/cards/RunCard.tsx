import { Button, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import type { RunView } from '@/api/generated/schema'
import { useLiveRun } from '@/api/liveRun'
import { projectQuery } from '@/api/queries'
import { cancelRun } from '@/api/runs'
import { bytes, shortId } from '@/ui/format'
import { IconPlayerPlayFilled } from '@/ui/icons'
import { RecordedValue } from '@/ui/JsonValue'
import { Took } from '@/ui/moments'
import { isActive, isOutcome, OutcomeBadge, OutcomeIcon } from '@/ui/outcomes'
import { failed } from '@/ui/toast'
import { useDesk } from '../desk'
import { OpenQuestion } from './ApprovalCard'
import { CardFrame } from './CardFrame'
import classes from './Cards.module.css'
import { Refused } from '../Refused'

const MOST_STEPS = 6

/** A run as it goes on, and what came of it. */
export function RunCard({ run, task }: { run: string; task: string }) {
  const { project } = useDesk()
  const [follow, setFollow] = useState(false)
  const { query, tokens } = useLiveRun(run, follow)
  const view = query.data
  const active = view !== undefined && isActive(view.status)
  useEffect(() => (active ? takePlace(setFollow) : undefined), [active])
  const link = (
    <Link to="/p/$project/runs/$run" params={{ project, run }}>
      {task} <code>{shortId(run)}</code>
    </Link>
  )
  return (
    <CardFrame
      label="Run"
      title={link}
      Icon={IconPlayerPlayFilled}
      standing={view && <OutcomeBadge status={view.status} />}
      actions={view && isActive(view.status) && <Cancel project={project} run={view} />}
    >
      {query.isError && !view && <Refused error={query.error} what="The run cannot be shown" />}
      {view && (
        <>
          <Progress run={view} />
          <Writing text={Object.values(tokens).at(-1)} />
          {view.reason && view.status !== 'succeeded' && <Text size="sm">{view.reason}</Text>}
          {view.waiting.map((wait) => wait.approval && <OpenQuestion key={wait.approval} approval={wait.approval} />)}
          {view.error && (
            <Text size="sm" c="var(--mantine-color-error)" style={{ overflowWrap: 'anywhere' }}>
              {view.error.step && <code>{view.error.step}: </code>}
              {view.error.message} {view.error.hint}
            </Text>
          )}
          <Output run={view} />
        </>
      )}
    </CardFrame>
  )
}

/** Runs that are followed step by step at once; the others are read every few seconds. */
const MOST_FOLLOWED = 2
let followed = 0

/** A place among those that are followed, as long as one is free; gives what leaves it. */
function takePlace(tell: (follow: boolean) => void): (() => void) | undefined {
  if (followed >= MOST_FOLLOWED) return undefined
  followed += 1
  tell(true)
  return () => {
    followed -= 1
    tell(false)
  }
}

/** The steps that it came to last, and how long it has taken. */
function Progress({ run }: { run: RunView }) {
  const done = run.steps.filter(({ status }) => !isActive(status)).length
  return (
    <>
      <Text size="xs" c="dimmed" role="status">
        {done} of {run.steps.length} steps begun so far are done · <Took from={run.started_at} to={run.finished_at} />
      </Text>
      {isActive(run.status) && (
        <ul className={classes.steps} aria-label="Latest steps">
          {run.steps.slice(-MOST_STEPS).map((step) => (
            <li key={step.path}>
              {isOutcome(step.status) && <OutcomeIcon status={step.status} size={13} />} <code>{step.path}</code>{' '}
              <span className={classes.dim}>{step.kind}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** What a model of the run is writing now. */
function Writing({ text }: { text: string | undefined }) {
  if (!text) return null
  return <p className={classes.writing}>{text.slice(-400)}</p>
}

function Output({ run }: { run: RunView }) {
  if (isActive(run.status) || run.error !== null) return null
  if (run.output_size) return <Text size="sm">The output has {bytes(run.output_size)}; the run's own screen shows it.</Text>
  if (run.output === null || run.output === undefined) return null
  return <RecordedValue value={run.output} label="Output of the run" />
}

function Cancel({ project, run }: { project: string; run: RunView }) {
  const { data: own } = useQuery(projectQuery(project))
  const [asked, setAsked] = useState(false)
  const cancel = useMutation({ mutationFn: () => cancelRun(run.id, 'Cancelled from the chat'), onError: failed })
  if (!own?.rights.includes('run.cancel')) return null
  return asked ? (
    <>
      <Button size="compact-md" color="red" loading={cancel.isPending || cancel.isSuccess} onClick={() => cancel.mutate()}>
        End this run
      </Button>
      <Button size="compact-md" variant="default" onClick={() => setAsked(false)}>
        Let it go on
      </Button>
    </>
  ) : (
    <Button size="compact-md" variant="default" onClick={() => setAsked(true)}>
      Cancel …
    </Button>
  )
}
