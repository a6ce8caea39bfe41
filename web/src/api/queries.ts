import { infiniteQueryOptions, keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query'

import { api, ask, Refusal, Unreachable, whole } from './client'
import type { Insights } from './generated/schema'
import { session } from './session'

/** Asks again on its own only where another try can help: not for what was refused. */
const again = (count: number, error: Error) => !(error instanceof Refusal && error.status < 500) && count < 2

export function makeQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    defaultOptions: {
      queries: { retry: again, staleTime: 5_000, refetchOnWindowFocus: ({ state }) => !(state.error instanceof Refusal), networkMode: 'always' },
      mutations: { retry: false, networkMode: 'always' },
    },
  })
  client.getQueryCache().subscribe((event) => {
    if (event.type === 'updated' && event.action.type === 'error') noteFailure(event.action.error)
    if (event.type === 'updated' && event.action.type === 'success') session.reached()
  })
  client.getMutationCache().subscribe((event) => {
    if (event.type === 'updated' && event.action.type === 'error') noteFailure(event.action.error)
  })
  return client
}

/** Tells the page how it stands with the server after a request that failed. */
export function noteFailure(error: unknown): void {
  if (error instanceof Refusal && error.status === 401) session.ended()
  if (error instanceof Unreachable) session.lost()
}

/** Who is signed in. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/me', { signal })),
  staleTime: 60_000,
})

export const projectsQuery = queryOptions({
  queryKey: ['projects'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/projects', { signal })),
  staleTime: 60_000,
})

/** A project with what the reader may do in it. */
export const projectQuery = (project: string) =>
  queryOptions({
    queryKey: ['project', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}', { params: { path: { project } }, signal })),
    staleTime: 60_000,
  })

/** `archived`: those that are archived or deleted, too. */
export const tasksQuery = (project: string, archived = false) =>
  queryOptions({
    queryKey: archived ? ['tasks', project, { archived }] : ['tasks', project],
    queryFn: ({ signal }) =>
      whole((cursor) =>
        ask(api.GET('/api/v1/projects/{project}/tasks', { params: { path: { project }, query: { archived, limit: 500, ...cursor } }, signal })),
      ),
  })

/** The first `limit` tasks, by name, in which each word of `sought` stands. There may be thousands of others. */
export const tasksLikeQuery = (project: string, sought: string, limit: number) =>
  queryOptions({
    queryKey: ['tasks', project, { sought, limit }],
    queryFn: async ({ signal }) =>
      (await ask(api.GET('/api/v1/projects/{project}/tasks', { params: { path: { project }, query: { q: sought, limit } }, signal }))).items,
    placeholderData: keepPreviousData,
  })

/** Figures by day or by task: a screen asks for those that it shows. */
export const overviewQuery = (project: string, days: number, timezone: string, only?: 'days' | 'tasks') =>
  queryOptions({
    queryKey: ['overview', project, days, timezone, only ?? null],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/overview', {
          params: { path: { project }, query: { days, timezone, ...(only ? { only } : {}) } },
          signal,
        }),
      ),
  })

/** Figures of the first tasks, persons or models in an order. */
export const insightsQuery = (project: string, days: number, timezone: string, by: Insights['by'], order: Insights['order']) =>
  queryOptions({
    queryKey: ['overview', project, days, timezone, by, order],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/insights', {
          params: { path: { project }, query: { days, timezone, by, order } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  })

const triggers = (project: string, query: { task?: string[]; order?: 'task' | 'next'; cursor?: string; limit: number }, signal: AbortSignal) =>
  ask(api.GET('/api/v1/projects/{project}/triggers', { params: { path: { project }, query }, signal }))

/** Triggers of some tasks, a hundred at most; of more than 500 triggers those that start next. */
export const triggersQuery = (project: string, tasks: readonly string[]) =>
  queryOptions({
    queryKey: ['triggers', project, 'of', tasks],
    queryFn: async ({ signal }) => (await triggers(project, { task: [...tasks], order: 'next', limit: 500 }, signal)).items,
    enabled: tasks.length > 0,
    refetchInterval: 30_000,
  })

/** The next triggers to start. */
export const soonestQuery = (project: string, limit: number) =>
  queryOptions({
    queryKey: ['triggers', project, 'soonest', limit],
    queryFn: async ({ signal }) => (await triggers(project, { order: 'next', limit }, signal)).items,
    refetchInterval: 30_000,
  })

/** All triggers, the next to start first, page after page. */
export const allTriggersQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ['triggers', project, 'all'],
    queryFn: ({ pageParam, signal }) => triggers(project, { order: 'next', limit: 100, ...(pageParam ? { cursor: pageParam } : {}) }, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: 30_000,
  })

/** Open questions; `mine`: those that the reader may answer. */
export const approvalsQuery = (project: string, mine: boolean) =>
  queryOptions({
    queryKey: ['approvals', project, mine],
    queryFn: async ({ signal }) => {
      const query = { mine, limit: 200 }
      const page = await ask(api.GET('/api/v1/projects/{project}/approvals', { params: { path: { project }, query }, signal }))
      return page.items
    },
  })

/** JSON Schema of the arguments of a version; without a number of the published one. */
export const paramsQuery = (project: string, task: string, version?: number) =>
  queryOptions({
    queryKey: ['tasks', project, task, 'schema', version ?? null],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/tasks/{task}/schema', {
          params: { path: { project, task }, query: version ? { version } : {} },
          signal,
        }),
      ),
  })

export const versionsQuery = (project: string, task: string) =>
  queryOptions({
    queryKey: ['tasks', project, task, 'versions'],
    queryFn: ({ signal }) =>
      whole((cursor) =>
        ask(api.GET('/api/v1/projects/{project}/tasks/{task}/versions', { params: { path: { project, task }, query: { limit: 500, ...cursor } }, signal })),
      ),
  })
