import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api, ask } from './client'
import type { AlarmView } from './generated/schema'

export type AlarmState = AlarmView['state']
export type AlarmKind = AlarmView['kind']

export interface AlarmFilter {
  state?: AlarmState | undefined
  kind?: AlarmKind | undefined
}

const OFTEN_MS = 30_000

/** What is wrong now, acknowledged or not. */
export const openAlarmsQuery = (project: string) =>
  queryOptions({
    queryKey: ['alarms', project, 'open'],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/projects/{project}/alarms', { params: { path: { project }, query: { state: 'open', limit: 100 } }, signal })),
    refetchInterval: OFTEN_MS,
  })

/** Alarms, newest first, page after page. */
export const alarmsQuery = (project: string, filter: AlarmFilter) =>
  infiniteQueryOptions({
    queryKey: ['alarms', project, 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/alarms', {
          params: { path: { project }, query: { ...filter, limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: OFTEN_MS,
  })
