import type { RunLine } from '@/api/generated/schema'

/** Runs that failed in the same way. */
export interface Failure {
  /** Task, step, kind and message, without what differs from one run to the next. */
  fingerprint: string
  task: string
  /** Path of the step, without the places in loops. */
  step: string | null
  kind: string
  /** Of the newest. */
  message: string
  runs: number
  first: string
  last: string
  /** The newest run. */
  run: string
}

/** `each[3].load` as `each[].load`. */
const place = (path: string | null | undefined): string | null => path?.replace(/\[\d+\]/g, '[]') ?? null

/** What stays of a message when names in quotes, ids and figures are taken out. */
const gist = (message: string): string =>
  message
    .replace(/"[^"]*"|'[^']*'|“[^”]*”/g, '“…”')
    .replace(/\b[a-z]{2,4}_[0-9a-z]{8,}\b/gi, 'id')
    .replace(/\d+([.,:]\d+)*/g, '#')

/** Failed runs by what went wrong, the most frequent first. `runs`: the newest first. */
export function grouped(runs: readonly RunLine[]): Failure[] {
  const found = new Map<string, Failure>()
  for (const run of runs) {
    const step = place(run.error?.step)
    const kind = run.error?.kind ?? 'failed'
    const message = run.error?.message ?? run.reason ?? ''
    const fingerprint = [run.task, step ?? '', kind, gist(message)].join('\n')
    const at = run.finished_at ?? run.queued_at
    const known = found.get(fingerprint)
    if (known) {
      known.runs += 1
      known.first = at
    } else found.set(fingerprint, { fingerprint, task: run.task, step, kind, message, runs: 1, first: at, last: at, run: run.id })
  }
  return [...found.values()].sort((one, other) => other.runs - one.runs)
}
