export interface ChatSearch {
  /** Words that are sought in titles and messages. */
  q?: string | undefined
  /** Where there is room for one thing alone: the conversations. Elsewhere they stand beside it anyway. */
  list?: true | undefined
}

export const chatSearch = (search: Record<string, unknown>): ChatSearch => ({
  q: typeof search.q === 'string' && search.q ? search.q : undefined,
  list: search.list === true ? true : undefined,
})
