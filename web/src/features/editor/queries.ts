import { queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { JsonValue } from '@/api/generated/schema'

export const NEW_TASK = `task: my-task
title: My task
description: What it is for.
steps:
  - id: hello
    python: "'hello'"
`

/** The newest version of a task with what it takes to store the next one. */
export const newestQuery = (project: string, task: string) =>
  queryOptions({
    queryKey: ['editing', project, task],
    queryFn: async ({ signal }) => {
      const path = { project, task }
      let tag: string | null = null
      const asked = api.GET('/api/v1/projects/{project}/tasks/{task}', { params: { path }, signal }).then((came) => {
        tag = came.response.headers.get('ETag')
        return came
      })
      const view = await ask(asked)
      const version = view.latest
      const file = await ask(
        api.GET('/api/v1/projects/{project}/tasks/{task}/source', { params: { path, query: { version } }, signal }),
      )
      return { text: file.source, base: tag === null ? null : { version, tag: tag as string }, published: view.published }
    },
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  })

export const problemsQuery = (project: string, name: string, source: string) =>
  queryOptions({
    queryKey: ['problems', project, name, source],
    queryFn: ({ signal }) =>
      ask(
        api.POST('/api/v1/projects/{project}/validate', {
          params: { path: { project } },
          body: { name: `tasks/${name}.yaml`, source },
          signal,
        }),
      ),
    staleTime: Infinity,
    gcTime: 60_000,
  })

/** What came of the steps of the last run that succeeded, by their id. */
export const lastValuesQuery = (project: string, task: string) =>
  queryOptions({
    queryKey: ['runs', project, 'last-values', task],
    queryFn: async ({ signal }) => {
      const query = { task, status: 'succeeded' as const, limit: 1 }
      const page = await ask(api.GET('/api/v1/projects/{project}/runs', { params: { path: { project }, query }, signal }))
      const last = page.items[0]
      if (!last) return null
      return ask(api.GET('/api/v1/runs/{run}', { params: { path: { run: last.id }, query: { largest: 2 ** 14 } }, signal }))
    },
    staleTime: 60_000,
  })

export const fileSchemaQuery = queryOptions({
  queryKey: ['schema'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/schema', { signal })),
  staleTime: Infinity,
})

interface Stored {
  source: string
  message: string | null
  publish: boolean
  /** Why it is published though the gate holds it back. */
  overrule: string | null
}

export const store = (project: string, task: string, tag: string | null, stored: Stored) =>
  ask(
    api.PUT('/api/v1/projects/{project}/tasks/{task}', {
      params: { path: { project, task }, header: tag ? { 'if-match': tag } : {} },
      body: stored,
    }),
  )

export const rehearse = (
  project: string,
  name: string,
  source: string,
  given: Record<string, JsonValue>,
  stubs: Record<string, JsonValue>,
) =>
  ask(
    api.POST('/api/v1/projects/{project}/dry-run', {
      params: { path: { project } },
      body: { file: { name: `tasks/${name}.yaml`, source }, arguments: given, stubs } as never,
    }),
  )
