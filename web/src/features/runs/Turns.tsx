import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { sentence } from '@/api/client'
import type { BelowView, JsonValue } from '@/api/generated/schema'
import { count, money, plural } from '@/ui/format'
import { RecordedValue } from '@/ui/JsonValue'
import { Markdown } from '@/ui/Markdown'
import { Took } from '@/ui/moments'
import { isOutcome, OutcomeIcon } from '@/ui/outcomes'
import { Source } from '@/ui/Source'
import { Loading } from '@/ui/states'
import { Recorded, type Side, textPart } from './Recorded'
import classes from './Turns.module.css'
import { answered, asked, labelOf, modelOf, type Said, type Speaker, type Turn, turnsOf } from './turns'

/** Bytes of a request up to which it is read as a conversation; a larger one is shown in pages. */
const LARGEST_TALK = 2 ** 20
const OPEN_AT_FIRST = 3

/** What an agent did in a step: its turns, what was said in each, and the tools that it called. */
export function Turns({ run, below }: { run: string; below: readonly BelowView[] }) {
  const turns = turnsOf(below)
  if (turns.length === 0) return null
  return (
    <>
      <Sum turns={turns} />
      <ol className={classes.turns}>
        {turns.map((turn, place) => (
          <li key={turn.request.path}>
            <OneTurn run={run} turn={turn} number={place + 1} open={turns.length <= OPEN_AT_FIRST || place === turns.length - 1} />
          </li>
        ))}
      </ol>
    </>
  )
}

function Sum({ turns }: { turns: readonly Turn[] }) {
  const calls = turns.flatMap((turn) => turn.calls)
  const usages = [...turns.map(({ request }) => request.usage), ...calls.map(({ usage }) => usage)]
  const tokens = usages.reduce((total, one) => total + one.input_tokens + one.output_tokens, 0)
  const usd = usages.reduce((total, one) => total + Number(one.usd), 0)
  return (
    <Text size="xs" c="dimmed" mb="xs" className="figures">
      {plural(turns.length, 'turn')} · {plural(calls.length, 'tool call')} · {count(tokens)} tokens · {money(usd)}
    </Text>
  )
}

function OneTurn({ run, turn, number, open }: { run: string; turn: Turn; number: number; open: boolean }) {
  const { request, calls } = turn
  const { input_tokens: read, output_tokens: written, usd } = request.usage
  return (
    <details className={classes.turn} open={open}>
      <summary className={classes.head}>
        {isOutcome(request.status) && <OutcomeIcon status={request.status} size={14} />}
        <span className={classes.name}>Turn {number}</span>
        <span className={classes.meta}>
          {modelOf(request) && <bdi>{modelOf(request)}</bdi>}
          <Took from={request.started_at} to={request.finished_at} />
          {read + written > 0 && (
            <span title="Tokens read and written">
              {count(read)} in, {count(written)} out
            </span>
          )}
          {Number(usd) > 0 && <span>{money(Number(usd))}</span>}
        </span>
      </summary>
      <div className={classes.body}>
        <Talk run={run} record={request} side="input" read={asked} label="Asked" />
        {request.error ? (
          <Wrong text={request.error.message} />
        ) : (
          <Talk run={run} record={request} side="output" read={answered} label="Answered" told={calls.length > 0 ? 'calls' : undefined} />
        )}
        {calls.map((call) => (
          <Call key={call.path} run={run} call={call} />
        ))}
      </div>
    </details>
  )
}

interface TalkProps {
  run: string
  record: BelowView
  side: Side
  read: (value: JsonValue) => Said[]
  label: string
  /** What a record below tells already. */
  told?: Speaker | undefined
}

/** What went wrong, however long the words of it are. */
function Wrong({ text }: { text: string }) {
  return (
    <Text size="sm" c="var(--mantine-color-error)" style={{ overflowWrap: 'anywhere' }}>
      <bdi>{text}</bdi>
    </Text>
  )
}

/** One side of a turn; what was left out of the run is read now that somebody looks. */
function Talk({ run, record, side, read, label, told }: TalkProps) {
  const size = side === 'input' ? record.input_size : record.output_size
  const query = useQuery({
    queryKey: ['run', run, 'talk', record.path, side],
    queryFn: async ({ signal }) => JSON.parse((await textPart(run, record.path, side, 0, LARGEST_TALK, signal)).text) as JsonValue,
    enabled: typeof size === 'number' && size <= LARGEST_TALK,
    staleTime: Infinity,
    gcTime: 60_000,
  })
  if (typeof size === 'number' && size > LARGEST_TALK)
    return <Recorded run={run} path={record.path} of={side} value={null} size={size} label={label} />
  const value = typeof size === 'number' ? query.data : record[side]
  if (value === undefined) return query.error ? <Wrong text={sentence(query.error)} /> : <Loading rows={1} />
  const said = read(value)
  if (said.length === 0 && value !== null) return <RecordedValue value={value} label={label} />
  return said.filter(({ who }) => who !== told).map((one, place) => <Part key={place} said={one} label={labelOf(one)} />)
}

/** Long, and rarely what one looks for: folded. */
const FOLDED: readonly Speaker[] = ['instructions', 'thought', 'tool']

function Part({ said, label }: { said: Said; label: string }) {
  if (said.who === 'calls')
    return (
      <p className={classes.calls}>
        Calls <code>{said.tool}</code>
      </p>
    )
  if (FOLDED.includes(said.who))
    return (
      <details className={classes.part}>
        <summary>{label}</summary>
        <Source text={said.text} label={label} wrapped />
      </details>
    )
  return (
    <div className={classes.part} data-who={said.who}>
      <span className={classes.who}>{label}</span>
      <Markdown text={said.text} />
    </div>
  )
}

function Call({ run, call }: { run: string; call: BelowView }) {
  const name = call.path.slice(call.path.lastIndexOf('/') + 1)
  const failed = call.error !== null || errorIn(call.output)
  return (
    <details className={classes.call}>
      <summary className={classes.head}>
        <OutcomeIcon status={failed ? 'failed' : 'succeeded'} size={13} />
        <code>{name}</code>
        <span className={classes.meta}>
          <Took from={call.started_at} to={call.finished_at} />
          {Number(call.usage.usd) > 0 && <span>{money(Number(call.usage.usd))}</span>}
        </span>
      </summary>
      <div className={classes.body}>
        <span className={classes.who}>Arguments</span>
        <Recorded run={run} path={call.path} of="input" value={call.input_size ? null : inside(call.input, 'arguments')} size={call.input_size} label={`Arguments of ${name}`} />
        <span className={classes.who}>{failed ? 'Error' : 'Result'}</span>
        {call.error ? (
          <Wrong text={call.error.message} />
        ) : (
          <Recorded run={run} path={call.path} value={call.output_size ? null : inside(call.output, failed ? 'error' : 'result')} size={call.output_size} label={`Result of ${name}`} />
        )}
      </div>
    </details>
  )
}

const errorIn = (output: JsonValue): boolean => inside(output, 'error') !== output

/** The value under a key, or else the whole. */
function inside(value: JsonValue, key: string): JsonValue {
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, JsonValue>) : {}
  return fields[key] ?? value
}
