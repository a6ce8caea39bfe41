import type { Insights } from '@/api/generated/schema'

export type Grouping = Insights['by']
export type Order = Insights['order']

/** What runs are grouped by, and what the table of them is called. */
export const GROUPINGS: Record<Grouping, { label: string; title: string; head: string }> = {
  task: { label: 'By task', title: 'Tasks', head: 'Task' },
  person: { label: 'By person', title: 'Who starts runs', head: 'Started by' },
  model: { label: 'By model', title: 'Models', head: 'Model' },
}

/** What the rows are ordered by, the worst first. */
export const ORDERS: Record<Order, string> = { failed: 'Most failures', slow: 'Slowest', cost: 'Dearest', often: 'Most runs' }

/** Only tasks have running times to be ordered by. */
export const ordersOf = (of: Grouping): Order[] => (Object.keys(ORDERS) as Order[]).filter((order) => order !== 'slow' || of === 'task')

export interface InsightsSearch {
  days?: number | undefined
  of?: Grouping | undefined
  by?: Order | undefined
}

export const insightsSearch = (search: Record<string, unknown>): InsightsSearch => {
  const of = (Object.keys(GROUPINGS) as Grouping[]).find((grouping) => grouping === search.of)
  return {
    days: [7, 14, 30, 90].find((days) => days === search.days),
    of,
    by: ordersOf(of ?? 'task').find((order) => order === search.by),
  }
}
