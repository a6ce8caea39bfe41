import type { RunView, StepView } from '@/api/generated/schema'

export interface Row {
  step: StepView
  /** Something stands below it. */
  opens: boolean
  /** Where it lies on the run's time, as parts of it; null: it has not begun. */
  from: number | null
  to: number | null
  /** `2` for a step in the third round of its loop. */
  round: string | null
}

/** The rows of the tree: what stands below a closed step is left out. */
export function rowsOf(run: RunView, closed: ReadonlySet<string>, now: number): Row[] {
  const start = Date.parse(run.started_at ?? run.queued_at)
  const end = run.finished_at ? Date.parse(run.finished_at) : now
  const span = Math.max(end - start, 1)
  const at = (moment: string) => Math.min(1, Math.max(0, (Date.parse(moment) - start) / span))
  const rows: Row[] = []
  let shut = Infinity
  run.steps.forEach((step, place) => {
    if (step.depth > shut) return
    shut = closed.has(step.path) ? step.depth : Infinity
    rows.push({
      step,
      opens: (run.steps[place + 1]?.depth ?? 0) > step.depth,
      from: step.started_at ? at(step.started_at) : null,
      to: step.started_at ? (step.finished_at ? at(step.finished_at) : 1) : null,
      round: roundOf(step),
    })
  })
  return rows
}

/** `2` of `each[2].moved`. */
const roundOf = (step: StepView): string | null => /\[(\d+)\]\.[^.[\]]+$/.exec(step.path)?.[1] ?? null
