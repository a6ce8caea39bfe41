import { queryOptions } from '@tanstack/react-query'

import { api, ask } from './client'

/** What several screens choose from. Without a project it is the installation's own. */

export const toolsQuery = (project: string) =>
  queryOptions({
    queryKey: ['tools', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/tools', { params: { path: { project } }, signal })),
    staleTime: 60_000,
  })

export const modelsQuery = (project: string | null) =>
  queryOptions({
    queryKey: ['models', project],
    queryFn: ({ signal }) =>
      project === null
        ? ask(api.GET('/api/v1/models', { signal }))
        : ask(api.GET('/api/v1/projects/{project}/models', { params: { path: { project } }, signal })),
  })

/** Names of secrets and their last use; nothing ever gives a value. */
export const secretsQuery = (project: string | null) =>
  queryOptions({
    queryKey: ['secrets', project],
    queryFn: ({ signal }) =>
      project === null
        ? ask(api.GET('/api/v1/secrets', { signal }))
        : ask(api.GET('/api/v1/projects/{project}/secrets', { params: { path: { project } }, signal })),
  })

export const setSecret = (project: string | null, secret: string, value: string) =>
  project === null
    ? ask(api.PUT('/api/v1/secrets/{secret}', { params: { path: { secret } }, body: { value } }))
    : ask(api.PUT('/api/v1/projects/{project}/secrets/{secret}', { params: { path: { project, secret } }, body: { value } }))

/** Keeps a secret for some tasks; null: for every task that is granted it. */
export const limitSecret = (project: string, secret: string, tasks: string[] | null) =>
  ask(api.PUT('/api/v1/projects/{project}/secrets/{secret}/tasks', { params: { path: { project, secret } }, body: { tasks } }))

export const deleteSecret = (project: string | null, secret: string) =>
  project === null
    ? ask(api.DELETE('/api/v1/secrets/{secret}', { params: { path: { secret } } }))
    : ask(api.DELETE('/api/v1/projects/{project}/secrets/{secret}', { params: { path: { project, secret } } }))

export const channelsQuery = (project: string) =>
  queryOptions({
    queryKey: ['channels', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/channels', { params: { path: { project } }, signal })),
  })

export const groupsQuery = queryOptions({
  queryKey: ['groups'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/groups', { signal })),
})

/** The first accounts by name, to choose from. */
export const peopleQuery = queryOptions({
  queryKey: ['people'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/people', { params: { query: { limit: 500 } }, signal })),
  staleTime: 60_000,
})
