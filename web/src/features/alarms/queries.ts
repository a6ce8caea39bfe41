import { queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { ChannelBody, DefaultsBody } from '@/api/generated/schema'

export const acknowledge = (alarm: string, note: string | null) =>
  ask(api.POST('/api/v1/alarms/{alarm}/acknowledge', { params: { path: { alarm } }, body: { note } }))

export const defaultsQuery = (project: string) =>
  queryOptions({
    queryKey: ['alarm-defaults', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/alarm-defaults', { params: { path: { project } }, signal })),
  })

/** `digest`: of what was edited. */
export const putDefaults = (project: string, body: DefaultsBody, digest: string) =>
  ask(api.PUT('/api/v1/projects/{project}/alarm-defaults', { params: { path: { project }, header: { 'if-match': `"${digest}"` } }, body }))

/** `digest`: of the one that was edited; null: a new one. */
export const putChannel = (project: string, channel: string, body: ChannelBody, digest: string | null) =>
  ask(
    api.PUT('/api/v1/projects/{project}/channels/{channel}', {
      params: { path: { project, channel }, header: digest === null ? {} : { 'if-match': `"${digest}"` } },
      body,
    }),
  )

export const removeChannel = (project: string, channel: string) =>
  ask(api.DELETE('/api/v1/projects/{project}/channels/{channel}', { params: { path: { project, channel } } }))

export const testChannel = (project: string, channel: string) =>
  ask(api.POST('/api/v1/projects/{project}/channels/{channel}/test', { params: { path: { project, channel } } }))

/** Messages that did not get through (yet). */
export const stuckQuery = (project: string) =>
  queryOptions({
    queryKey: ['notices', project, 'failing'],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/projects/{project}/notices', { params: { path: { project }, query: { failing: true, limit: 50 } }, signal })),
    refetchInterval: 30_000,
  })

export const sendAgain = (notice: string) => ask(api.POST('/api/v1/notices/{notice}/send-again', { params: { path: { notice } } }))
