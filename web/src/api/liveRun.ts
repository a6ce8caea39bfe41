import { replaceEqualDeep, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import { api, ask } from './client'
import type { LogLine, RunStatus, RunView, StepView, WaitView } from './generated/schema'
import { watch } from './live'
import { isActive } from '@/ui/outcomes'

export const runKey = (run: string) => ['run', run] as const

/** Texts that models are producing now, by the path of their step. */
export type Tokens = Record<string, string>

const NOT_FOLLOWED_MS = 4000
/** Bytes of an input or output that comes with the run; a larger one is read when somebody looks at it. */
export const LARGEST_VALUE = 4096
const MOST_TOKEN_TEXT = 20_000

/**
 * A run as it is now. It is read once; as long as it has not ended, every change is told by the server. A connection
 * that breaks comes back by itself and begins with the whole run, so nothing is missed. Not `follow`: it is read again every
 * few seconds, for a browser holds few connections.
 */
export function useLiveRun(run: string, follow = true) {
  const client = useQueryClient()
  const query = useQuery({
    queryKey: runKey(run),
    queryFn: ({ signal }) => ask(api.GET('/api/v1/runs/{run}', { params: { path: { run }, query: { largest: LARGEST_VALUE } }, signal })),
    structuralSharing: (before, now) => replaceEqualDeep(before, withBegun(before as RunView | undefined, now as RunView)) as RunView,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchInterval: ({ state }) => (!follow && state.data && isActive(state.data.status) ? NOT_FOLLOWED_MS : false),
  })
  const [tokens, setTokens] = useState<Tokens>({})
  const active = query.data ? isActive(query.data.status) : false
  useEffect(() => {
    if (!active || !follow) return
    const source = new EventSource(`/api/v1/runs/${run}/events?largest=${LARGEST_VALUE}`)
    const change = (make: (view: RunView) => RunView) =>
      client.setQueryData<RunView>(runKey(run), (view) => view && make(view))
    const on = <Data>(kind: string, act: (data: Data) => void) =>
      source.addEventListener(kind, (event: MessageEvent<string>) => act(JSON.parse(event.data) as Data))
    on<RunView>('snapshot', (view) => client.setQueryData(runKey(run), view))
    on<{ status: RunStatus; waiting: WaitView[] }>('run', (now) => change((view) => ({ ...view, ...now })))
    on<StepView>('step', (step) => change((view) => withStep(view, step)))
    on<{ path: string; text: string }>('token', ({ path, text }) =>
      setTokens((before) => ({ ...before, [path]: ((before[path] ?? '') + text).slice(-MOST_TOKEN_TEXT) })),
    )
    on<LogLine>('log', () => void client.invalidateQueries({ queryKey: [...runKey(run), 'logs'] }))
    on<RunView>('ended', (view) => {
      client.setQueryData(runKey(run), view)
      source.close()
      setTokens({})
    })
    watch(source, () => void query.refetch())
    return () => source.close()
    // `query` is made anew each time; only the run and whether it is active matter.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [client, run, active, follow])
  return { query, tokens }
}

/** A run that is read anew, with the steps that were told to have begun: there is no record of them before they end. */
export function withBegun(before: RunView | undefined, now: RunView): RunView {
  if (!before || now.status !== 'running') return now
  const known = new Set(now.steps.map(({ path }) => path))
  return before.steps.filter(({ status, path }) => status === 'running' && !known.has(path)).reduce(withStep, now)
}

/** The run with this step in its place: where it stood, before what began later beside it, or after its neighbours. */
export function withStep(view: RunView, step: StepView): RunView {
  const place = view.steps.findIndex((one) => one.path === step.path)
  if (place >= 0) return { ...view, steps: view.steps.with(place, step) }
  const parent = parentOf(step.path)
  const later = view.steps.findIndex((one) => parentOf(one.path) === parent && beganBefore(step, one))
  if (later >= 0) return { ...view, steps: view.steps.toSpliced(later, 0, step) }
  const neighbour = parent
    ? view.steps.findLastIndex(({ path }) => path === parent || path.startsWith(`${parent}[`) || path.startsWith(`${parent}.`))
    : -1
  return { ...view, steps: view.steps.toSpliced(neighbour < 0 ? view.steps.length : neighbour + 1, 0, step) }
}

/** `each` of `each[2].moved`; a step of the task itself has none. */
const parentOf = (path: string): string | undefined => /^(.*?)(\[\d+\])?\.[^.[\]]+$/.exec(path)?.[1]

const beganBefore = (one: StepView, other: StepView): boolean =>
  one.started_at !== null && other.started_at !== null && Date.parse(one.started_at) < Date.parse(other.started_at)
