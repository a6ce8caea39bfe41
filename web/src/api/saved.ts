import { queryOptions } from '@tanstack/react-query'

import { api, ask } from './client'
import type { JsonValue } from './generated/schema'

/** What the reader keeps for themselves on a shelf: `runs`, or `arguments.TASK`. */
export const savedQuery = (project: string, shelf: string) =>
  queryOptions({
    queryKey: ['saved', project, shelf],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/projects/{project}/saved/{shelf}', { params: { path: { project, shelf } }, signal })),
    staleTime: 60_000,
  })

export const keep = (project: string, shelf: string, name: string, value: Record<string, JsonValue>) =>
  ask(
    api.PUT('/api/v1/projects/{project}/saved/{shelf}', {
      params: { path: { project, shelf } },
      body: { name, value: value as never },
    }),
  )

export const forget = (project: string, shelf: string, name: string) =>
  ask(api.DELETE('/api/v1/projects/{project}/saved/{shelf}', { params: { path: { project, shelf }, query: { name } } }))
