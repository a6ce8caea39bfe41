export interface InboxSearch {
  /** The question that is shown. */
  approval?: string | undefined
  /** Also those that somebody else must answer. */
  all?: boolean | undefined
}

export const inboxSearch = (search: Record<string, unknown>): InboxSearch => ({
  approval: typeof search.approval === 'string' ? search.approval : undefined,
  all: search.all === true ? true : undefined,
})
