import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { LARGEST_VALUE } from '@/api/liveRun'
import type { ArtifactView, BelowView, JsonValue, LogLine, RunView, StepView } from '@/api/generated/schema'
import { bytes, count, duration, inZone, money, plural, secondsBetween } from '@/ui/format'
import { useNow, useZone } from '@/ui/moments'
import { OUTCOMES, outcomeName } from '@/ui/outcomes'
import { kindOfRecord } from '@/ui/steps/kinds'
import { cause } from '@/ui/triggers'
import { LARGEST_PRINTED, MOST_LINES, paperQuery } from './paper'
import classes from './Printed.module.css'
import { answered, asked, labelOf, modelOf, type Said } from './turns'

/** The whole record of a run, for paper: every step in its order, none folded or scrolled away. Never on the screen. */
export function Printed({ project, shown }: { project: string; shown: RunView }) {
  const { data } = useQuery({ ...paperQuery(shown.id), enabled: false })
  const run = data?.run ?? shown
  const largest = data ? LARGEST_PRINTED : LARGEST_VALUE
  return (
    <div className={classes.paper}>
      <Facts project={project} run={run} />
      <Value label="Arguments" value={run.arguments} size={null} />
      {run.finished_at && !run.error && <Value label="Output" value={run.output} size={run.output_size} always />}
      <Files files={run.artifacts} />
      <h2>{plural(run.steps.length, 'step')}</h2>
      <p className={classes.note}>
        Of values of more than {bytes(largest)} the size is told.
        {!data && ' The log is left out: “Copy”, “On paper or as PDF” on the screen of the run prints it too.'}
      </p>
      {run.steps.map((step) => (
        <Step key={step.path} step={step} />
      ))}
      {data && <Log lines={data.log} />}
    </div>
  )
}

function Facts({ project, run }: { project: string; run: RunView }) {
  const at = useMoments()
  const now = useNow(null)
  const tokens = run.usage.input_tokens + run.usage.output_tokens
  const facts: [string, ReactNode][] = [
    ['Run', run.id],
    ['Task', `${run.task}, version ${run.version}, in ${project}`],
    ['Started', cause(run.trigger, run.starter)],
    ['Queued', at(run.queued_at)],
    ['Began', run.started_at ? at(run.started_at) : 'not yet'],
    ['Ended', run.finished_at ? at(run.finished_at) : `not yet: ${OUTCOMES[run.status].label.toLowerCase()}`],
    ['Used', `${count(tokens)} tokens, ${money(Number(run.usage.usd))}`],
    ['Printed', `${at(now)}, from ${location.origin}${location.pathname}`],
  ]
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** Paper is read anywhere: moments are told with their zone. */
function useMoments(): (moment: string | number) => string {
  const zone = useZone()
  return (moment) => `${inZone(moment, zone)} ${zone}`
}

function Files({ files }: { files: readonly ArtifactView[] }) {
  if (files.length === 0) return null
  return (
    <>
      <h2>{plural(files.length, 'file')}</h2>
      <ul className={classes.files}>
        {files.map((file) => (
          <li key={file.id}>
            <bdi>{file.name}</bdi>, {bytes(file.size)}, by <code>{file.path}</code>, SHA-256 <code>{file.sha256}</code>
          </li>
        ))}
      </ul>
    </>
  )
}

const DEEPEST = 6

function Step({ step }: { step: StepView }) {
  return (
    <section className={classes.step} style={{ marginInlineStart: Math.min(step.depth, DEEPEST) * 14 }}>
      <h3>
        {outcomeOf(step.status)}: <bdi>{step.title ?? step.key}</bdi> <code>{step.path}</code>
      </h3>
      <Meta record={step}>
        {kindOfRecord(step.kind)}
        {step.cached && ' · taken from the cache'}
        {step.edited && ' · output written by whoever started the rerun'}
        {step.effect_key && ` · effect key ${step.effect_key}`}
      </Meta>
      <Value label="Input" value={step.input} size={step.input_size} />
      <Result record={step} />
      {step.below.map((record) => (
        <Below key={record.path} record={record} />
      ))}
    </section>
  )
}

function outcomeOf(status: string): string {
  const known = outcomeName(status)
  return known ? OUTCOMES[known].label : status
}

function Meta({ record, children }: { record: StepView | BelowView; children: ReactNode }) {
  const at = useMoments()
  const tokens = record.usage.input_tokens + record.usage.output_tokens
  return (
    <p className={classes.note}>
      {children}
      {record.started_at && ` · ${at(record.started_at)}`}
      {record.started_at && record.finished_at && ` · ${duration(Math.max(secondsBetween(record.started_at, record.finished_at), 0.0005))}`}
      {tokens > 0 && ` · ${count(tokens)} tokens, ${money(Number(record.usage.usd))}`}
    </p>
  )
}

function Result({ record }: { record: StepView | BelowView }) {
  if (!record.error) return <Value label="Output" value={record.output} size={record.output_size} />
  const { message, hint, kind } = record.error
  return <Value label={`Error (${kind.replaceAll('_', ' ')})`} value={hint ? `${message}\n${hint}` : message} size={null} />
}

/** A failed attempt, a request to a model as what was said, or a call of a tool. */
function Below({ record }: { record: BelowView }) {
  const turn = record.kind === 'turn'
  return (
    <section className={classes.below}>
      <h4>
        {outcomeOf(record.status)}: <code>{record.path.slice(record.path.lastIndexOf('/') + 1)}</code>
      </h4>
      <Meta record={record}>{turn ? modelOf(record) : record.kind}</Meta>
      {turn && !record.input_size ? <Talk said={asked(record.input)} /> : <Value label="Input" value={record.input} size={record.input_size} />}
      {turn && !record.output_size && !record.error ? <Talk said={answered(record.output)} /> : <Result record={record} />}
    </section>
  )
}

const Talk = ({ said }: { said: readonly Said[] }) => said.map((one, place) => <Value key={place} label={labelOf(one)} value={one.text} size={null} />)

interface ValueProps {
  label: string
  value: JsonValue
  /** Bytes of a value that was left out. */
  size: number | null | undefined
  /** Also where there is nothing. */
  always?: boolean
}

function Value({ label, value, size, always = false }: ValueProps) {
  if (size)
    return (
      <p className={classes.label}>
        {label}: {bytes(size)}, not printed
      </p>
    )
  const text = textOf(value)
  if (text === '' && !always) return null
  return (
    <>
      <p className={classes.label}>{label}</p>
      <pre className={classes.value}>{text || 'nothing'}</pre>
    </>
  )
}

function textOf(value: JsonValue): string {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? '' : JSON.stringify(value, null, 2)
}

function Log({ lines }: { lines: readonly LogLine[] }) {
  const zone = useZone()
  if (lines.length === 0) return null
  return (
    <>
      <h2>Log</h2>
      {lines.length === MOST_LINES && <p className={classes.note}>Its first {count(MOST_LINES)} lines.</p>}
      <pre className={classes.value}>{lines.map((line) => `${inZone(line.at, zone)} ${line.level} ${line.path}: ${line.message}\n`).join('')}</pre>
    </>
  )
}
