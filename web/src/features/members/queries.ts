import { queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'

export const membersQuery = (project: string) =>
  queryOptions({
    queryKey: ['members', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/members', { params: { path: { project } }, signal })),
  })

const member = (group: string, person: string) => ({ params: { path: { group, person } } })

export const createGroup = (group: string, title: string | null) =>
  ask(api.PUT('/api/v1/groups/{group}', { params: { path: { group } }, body: { title } }))

export const removeGroup = (group: string) => ask(api.DELETE('/api/v1/groups/{group}', { params: { path: { group } } }))

export const addToGroup = (group: string, person: string) =>
  ask(api.PUT('/api/v1/groups/{group}/people/{person}', member(group, person)))

export const takeOutOfGroup = (group: string, person: string) =>
  ask(api.DELETE('/api/v1/groups/{group}/people/{person}', member(group, person)))
