export interface ChatSearch {
  /** Words that are sought in titles and messages. */
  q?: string | undefined
}

export const chatSearch = (search: Record<string, unknown>): ChatSearch => ({
  q: typeof search.q === 'string' && search.q ? search.q : undefined,
})
