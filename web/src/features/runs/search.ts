import type { RunStatus } from '@/api/generated/schema'
import { isOutcome } from '@/ui/outcomes'

export interface RunsSearch {
  task?: string | undefined
  status?: RunStatus | undefined
  /** Days back from now. */
  days?: number | undefined
}

export const PANES = ['output', 'input', 'attempts', 'messages', 'logs'] as const
export type Pane = (typeof PANES)[number]

export interface RunSearch {
  /** Path of the step that is shown. */
  step?: string | undefined
  pane?: Pane | undefined
}

export interface CompareSearch {
  /** Id of the other run. */
  with?: string | undefined
}

type Given = Record<string, unknown>

const text = (value: unknown): string | undefined => (value === undefined || value === '' ? undefined : String(value))

export const runsSearch = (search: Given): RunsSearch => ({
  task: text(search.task),
  status: typeof search.status === 'string' && isOutcome(search.status) ? search.status : undefined,
  days: typeof search.days === 'number' && search.days > 0 ? search.days : undefined,
})

export const runSearch = (search: Given): RunSearch => ({
  step: text(search.step),
  pane: PANES.find((one) => one === search.pane),
})

export const compareSearch = (search: Given): CompareSearch => ({ with: text(search.with) })
