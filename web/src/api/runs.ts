import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api, ask } from './client'
import type { JsonValue, RunStatus } from './generated/schema'

export interface RunFilter {
  task?: string | undefined
  status?: RunStatus | undefined
  since?: string | undefined
  until?: string | undefined
}

export const runsOfStatusQuery = (project: string, status: RunStatus, limit = 20) =>
  queryOptions({
    queryKey: ['runs', project, 'of', status, limit],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/runs', {
          params: { path: { project }, query: { status, limit } },
          signal,
        }),
      ),
  })

/** Runs, newest first, page after page. */
export const runsQuery = (project: string, filter: RunFilter, limit = 50) =>
  infiniteQueryOptions({
    queryKey: ['runs', project, 'list', filter, limit],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/runs', {
          params: { path: { project }, query: { ...filter, limit, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
  })

export const startRun = (
  project: string,
  task: string,
  given: Record<string, never>,
  version: number | null,
  key: string,
) =>
  ask(
    api.POST('/api/v1/projects/{project}/tasks/{task}/runs', {
      params: { path: { project, task }, header: { 'idempotency-key': key } },
      body: { arguments: given, version },
    }),
  )

export const cancelRun = (run: string, reason: string | null) =>
  ask(api.POST('/api/v1/runs/{run}/cancel', { params: { path: { run } }, body: { reason } }))

export const deleteRun = (run: string) => ask(api.DELETE('/api/v1/runs/{run}', { params: { path: { run } } }))

export const planRerun = (run: string, from_step: string | null, version: number | null = null) =>
  ask(
    api.GET('/api/v1/runs/{run}/rerun', {
      params: { path: { run }, query: { ...(from_step ? { from_step } : {}), ...(version ? { version } : {}) } },
    }),
  )

interface Edited {
  version?: number | null
  arguments?: Record<string, JsonValue>
  outputs?: Record<string, JsonValue>
}

/** A new run like this one, as far as nothing is edited. */
export const rerun = (run: string, from_step: string | null, { version = null, arguments: given = {}, outputs = {} }: Edited = {}) =>
  ask(
    api.POST('/api/v1/runs/{run}/rerun', {
      params: { path: { run } },
      body: { from_step, version, arguments: given as never, outputs: outputs as never },
    }),
  )
