import { type QueryClient, queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { LogLine, RunView } from '@/api/generated/schema'
import { runKey } from '@/api/liveRun'

/** Bytes of an input or output up to which it is printed; of a larger one the size is. */
export const LARGEST_PRINTED = 2 ** 14
/** Lines of a log that are printed at most. */
export const MOST_LINES = 10_000

/** What goes onto paper. */
export interface Paper {
  run: RunView
  log: LogLine[]
}

/** A run as it is printed: with larger values than the screen has, and its log. */
export const paperQuery = (run: string) =>
  queryOptions({
    queryKey: [...runKey(run), 'paper'],
    queryFn: async ({ signal }): Promise<Paper> => {
      const path = { run }
      const [view, log] = await Promise.all([
        ask(api.GET('/api/v1/runs/{run}', { params: { path, query: { largest: LARGEST_PRINTED } }, signal })),
        ask(api.GET('/api/v1/runs/{run}/logs', { params: { path, query: { limit: MOST_LINES } }, signal })),
      ])
      return { run: view, log }
    },
    staleTime: 0,
  })

/** Reads the run whole, then has the browser print it: on paper, or into a PDF. */
export async function printRun(client: QueryClient, run: string): Promise<void> {
  await client.fetchQuery(paperQuery(run))
  // What is printed later by the browser's own menu is the run as it is then.
  window.addEventListener('afterprint', () => client.removeQueries({ queryKey: paperQuery(run).queryKey }), { once: true })
  window.print()
}
