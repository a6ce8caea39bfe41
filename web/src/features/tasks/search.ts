export const TABS = ['overview', 'yaml', 'versions', 'runs', 'triggers', 'access'] as const
export type Tab = (typeof TABS)[number]

export interface TasksSearch {
  /** Words that the name, the title or the tags hold. */
  q?: string | undefined
  /** Tags that they all have. */
  tags?: string[] | undefined
  /** Those that are archived or deleted, in place of those at work. */
  archived?: boolean | undefined
}

export interface TaskSearch {
  tab?: Tab | undefined
  version?: number | undefined
}

export interface RunFormSearch {
  version?: number | undefined
  /** A run whose arguments the form begins with. */
  like?: string | undefined
}

type Given = Record<string, unknown>

const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined
const text = (value: unknown): string | undefined => (value === undefined || value === '' ? undefined : String(value))

export const tasksSearch = (search: Given): TasksSearch => ({
  q: text(search.q),
  tags: Array.isArray(search.tags) && search.tags.length ? search.tags.map(String) : undefined,
  archived: search.archived === true ? true : undefined,
})

export const taskSearch = (search: Given): TaskSearch => ({
  tab: TABS.find((tab) => tab === search.tab),
  version: positive(search.version),
})

export const runFormSearch = (search: Given): RunFormSearch => ({
  version: positive(search.version),
  like: text(search.like),
})
