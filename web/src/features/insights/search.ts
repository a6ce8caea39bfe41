import type { TaskFigures } from '@/api/generated/schema'

/** What the tasks are ordered by, the worst first. */
export const ORDERS = {
  failed: { label: 'Most failures', of: (task: TaskFigures) => task.failed },
  slow: { label: 'Slowest', of: (task: TaskFigures) => task.p95_seconds ?? 0 },
  cost: { label: 'Dearest', of: (task: TaskFigures) => task.usd },
  often: { label: 'Most runs', of: (task: TaskFigures) => task.runs },
} as const

export type Order = keyof typeof ORDERS

export interface InsightsSearch {
  days?: number | undefined
  by?: Order | undefined
}

export const insightsSearch = (search: Record<string, unknown>): InsightsSearch => ({
  days: [7, 14, 30, 90].find((days) => days === search.days),
  by: (Object.keys(ORDERS) as Order[]).find((order) => order === search.by),
})
