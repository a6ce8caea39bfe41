import { keepPreviousData, queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'

export const taskQuery = (project: string, task: string) =>
  queryOptions({
    queryKey: ['tasks', project, task],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/projects/{project}/tasks/{task}', { params: { path: { project, task } }, signal })),
  })

/** The file of a version; without a number the published one, or else the newest. */
export const sourceQuery = (project: string, task: string, version?: number) =>
  queryOptions({
    queryKey: ['tasks', project, task, 'source', version ?? null],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/tasks/{task}/source', {
          params: { path: { project, task }, query: version ? { version } : {} },
          signal,
        }),
      ),
  })

/** The latest planned times of a task, and what became of them. */
export const occurrencesQuery = (project: string, task: string, limit: number) =>
  queryOptions({
    queryKey: ['occurrences', project, task, { limit }],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/tasks/{task}/occurrences', {
          params: { path: { project, task }, query: { limit } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  })

export const previewQuery = (project: string, task: string, trigger: string, timezone: string) =>
  queryOptions({
    queryKey: ['triggers', project, task, trigger, 'preview', timezone],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/preview', {
          params: { path: { project, task, trigger }, query: { count: 10, timezone } },
          signal,
        }),
      ),
  })

const path = (project: string, task: string) => ({ params: { path: { project, task } } })

/** `overrule`: why, though the gate holds it back. */
export const publish = (project: string, task: string, version: number, message: string | null, overrule: string | null) =>
  ask(api.POST('/api/v1/projects/{project}/tasks/{task}/publish', { ...path(project, task), body: { version, message, overrule } }))

export const pause = (project: string, task: string, note: string | null) =>
  ask(api.POST('/api/v1/projects/{project}/tasks/{task}/pause', { ...path(project, task), body: { note } }))

export const resume = (project: string, task: string, catch_up: boolean, note: string | null) =>
  ask(api.POST('/api/v1/projects/{project}/tasks/{task}/resume', { ...path(project, task), body: { catch_up, note } }))

export const switchTrigger = (project: string, task: string, trigger: string, on: boolean, note: string | null) => {
  const params = { path: { project, task, trigger } }
  return on
    ? ask(api.POST('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/enable', { params, body: { catch_up: true } }))
    : ask(api.POST('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/disable', { params, body: { note } }))
}
