export interface ModelSearch {
  /** `server`: one of the server's, set up by an administrator. */
  of?: 'server' | undefined
}

export const modelSearch = (search: Record<string, unknown>): ModelSearch => ({ of: search.of === 'server' ? 'server' : undefined })
