import { CloseButton, Tabs, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

import { api, ask } from '@/api/client'
import type { BelowView, RunView, StepView } from '@/api/generated/schema'
import { count, inZone, money } from '@/ui/format'
import { RecordedValue } from '@/ui/JsonValue'
import { Took, useZone } from '@/ui/moments'
import { isOutcome, OutcomeBadge, OutcomeIcon } from '@/ui/outcomes'
import { Answered } from '@/ui/states'
import { kindOfRecord } from '@/ui/steps/kinds'
import { Ticked } from '@/ui/Ticked'
import { runKey } from '@/api/liveRun'
import classes from './Run.module.css'
import { Recorded } from './Recorded'
import { PANES, type Pane } from './search'
import { Turns } from './Turns'

const route = getRouteApi('/inside/p/$project/runs/$run')
const LABELS: Record<Pane, string> = {
  output: 'Output',
  input: 'Input',
  attempts: 'Attempts',
  messages: 'Messages',
  logs: 'Logs',
}

/** One step: what it was given, what came of it, and how it got there. `text`: what its model is saying now. */
export function StepPanel({ run, step, text }: { run: RunView; step: StepView; text: string | undefined }) {
  const { pane } = route.useSearch()
  const navigate = useNavigate()
  const attempts = step.below.filter(({ kind }) => kind === 'attempt')
  const messages = step.below.filter(({ kind }) => kind !== 'attempt')
  const offered = PANES.filter((one) => (one === 'attempts' ? attempts.length : one === 'messages' ? messages.length || text : true))
  const shown = pane && offered.includes(pane) ? pane : step.status === 'running' && text ? 'messages' : 'output'
  const show = (chosen: string | null) => void navigate({ to: '.', search: (before) => ({ ...before, pane: PANES.find((one) => one === chosen) }), replace: true })
  const panel = useRef<HTMLElement>(null)
  useEffect(() => {
    // On a telephone it stands below the steps, where whoever touches one does not see that anything has come.
    if (matchMedia('(max-width: 980px) and (hover: none)').matches) panel.current?.scrollIntoView({ block: 'nearest' })
  }, [step.path])
  const close = () => void navigate({ to: '.', search: {}, replace: true })
  return (
    <section ref={panel} className={classes.panel} aria-label={`Step ${step.path}`}>
      <div className={classes.panelHead}>
        <Title order={2} size="h3">
          <bdi>{step.title ?? step.key}</bdi>
        </Title>
        {isOutcome(step.status) && <OutcomeBadge status={step.status} />}
        <CloseButton ms="auto" size="sm" aria-label="Close the step" onClick={close} />
        <Meta step={step} />
      </div>
      <Tabs value={shown} onChange={show} keepMounted={false}>
        <Tabs.List px={6}>
          {offered.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {LABELS[one]}
              {one === 'attempts' && ` ${attempts.length}`}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <div className={classes.panelBody}>
          <Tabs.Panel value="output">
            {step.error ? <StepFailure step={step} /> : <Recorded run={run.id} path={step.path} value={step.output} size={step.output_size} label="Output" />}
          </Tabs.Panel>
          <Tabs.Panel value="input">
            <Recorded run={run.id} path={step.path} of="input" value={step.input} size={step.input_size} label="Input" />
          </Tabs.Panel>
          <Tabs.Panel value="attempts">
            <Attempts run={run.id} records={attempts} />
          </Tabs.Panel>
          <Tabs.Panel value="messages">
            <Turns run={run.id} below={messages} />
            {text && (
              <Text mt="sm" size="sm" style={{ whiteSpace: 'pre-wrap' }} aria-live="polite">
                {text}
              </Text>
            )}
          </Tabs.Panel>
          <Tabs.Panel value="logs">
            <Logs run={run.id} path={step.path} />
          </Tabs.Panel>
        </div>
      </Tabs>
    </section>
  )
}

function Meta({ step }: { step: StepView }) {
  const tokens = step.usage.input_tokens + step.usage.output_tokens
  return (
    <div className={classes.meta} style={{ flexBasis: '100%' }}>
      {step.path !== (step.title ?? step.key) && <code>{step.path}</code>}
      <span>{kindOfRecord(step.kind)}</span>
      {step.started_at && <Took from={step.started_at} to={step.finished_at} />}
      {step.attempts > 1 && <span>{step.attempts} attempts</span>}
      {step.cached && <span>taken from the cache</span>}
      {step.edited && <span>output written by whoever started the rerun</span>}
      {tokens > 0 && (
        <span>
          {count(tokens)} tokens · {money(Number(step.usage.usd))}
        </span>
      )}
      {step.effect_key && <span title="Sent along with what changes the outside, so that it can tell repeats">effect key {step.effect_key.slice(0, 12)}</span>}
    </div>
  )
}

function StepFailure({ step }: { step: StepView }) {
  if (!step.error) return null
  return (
    <>
      <Text size="sm" fw={500} c="var(--mantine-color-error)" style={{ overflowWrap: 'anywhere' }}>
        <Ticked text={step.error.message} />
      </Text>
      {step.error.hint && (
        <Text size="sm" mt={6}>
          {step.error.hint}
        </Text>
      )}
      <Text size="xs" c="dimmed" mt={6}>
        {step.error.kind.replaceAll('_', ' ')}
      </Text>
      {step.error.detail !== null && <RecordedValue value={step.error.detail} label="Detail" />}
    </>
  )
}

function Attempts({ run, records }: { run: string; records: readonly BelowView[] }) {
  return (
    <ol className={classes.turns}>
      {records.map((record) => (
        <li key={record.path} className={classes.turn}>
          <div className={classes.panelHead} style={{ padding: '0 0 6px' }}>
            {isOutcome(record.status) && <OutcomeIcon status={record.status} size={14} />}
            <code>{record.path.slice(record.path.lastIndexOf('/') + 1)}</code>
            <span className={classes.meta}>
              <Took from={record.started_at} to={record.finished_at} />
              {record.usage.input_tokens + record.usage.output_tokens > 0 && (
                <span>{count(record.usage.input_tokens + record.usage.output_tokens)} tokens</span>
              )}
            </span>
          </div>
          {record.error ? (
            <Text size="sm" c="var(--mantine-color-error)" style={{ overflowWrap: 'anywhere' }}>
              <bdi>{record.error.message}</bdi>
            </Text>
          ) : (
            <>
              <Recorded run={run} path={record.path} of="input" value={record.input} size={record.input_size} label="Input" />
              <Recorded run={run} path={record.path} value={record.output} size={record.output_size} label="Output" />
            </>
          )}
        </li>
      ))}
    </ol>
  )
}

function Logs({ run, path }: { run: string; path: string }) {
  const zone = useZone()
  const query = useQuery({
    queryKey: [...runKey(run), 'logs'],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/runs/{run}/logs', { params: { path: { run }, query: { limit: 10_000 } }, signal })),
  })
  return (
    <Answered query={query} rows={3}>
      {(lines) => {
        const own = lines.filter((line) => line.path === path || line.path.startsWith(`${path}/`))
        if (own.length === 0) return <Text size="sm" c="dimmed">This step has logged nothing.</Text>
        return (
          <div className={classes.log} role="log" aria-label="Log" tabIndex={0}>
            {own.flatMap((line) => [
              <span key={`${line.id} at`}>{inZone(line.at, zone).slice(11)}</span>,
              <span key={`${line.id} level`} className={classes.level} data-level={line.level}>
                {line.level}
              </span>,
              <span key={`${line.id} text`}>{line.message}</span>,
            ])}
          </div>
        )
      }}
    </Answered>
  )
}
