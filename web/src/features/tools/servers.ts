import { queryOptions } from '@tanstack/react-query'

import { api, ask, began } from '@/api/client'
import type { JsonValue, ToolView } from '@/api/generated/schema'

export type EffectName = ToolView['effect']

/** Whose a tool server is: a project's, or (null) the whole installation's. */
export type Owner = string | null

const OWN = '/api/v1/projects/{project}/tool-servers/{server}'
const SHARED = '/api/v1/tool-servers/{server}'

export const serversQuery = (owner: Owner) =>
  queryOptions({
    queryKey: ['tool_servers', owner],
    queryFn: ({ signal }) =>
      owner === null
        ? ask(api.GET('/api/v1/tool-servers', { signal }))
        : ask(api.GET('/api/v1/projects/{project}/tool-servers', { params: { path: { project: owner } }, signal })),
  })

export const serverQuery = (owner: Owner, server: string) =>
  queryOptions({
    queryKey: ['tool_servers', owner, server],
    queryFn: ({ signal }) =>
      owner === null
        ? ask(api.GET(SHARED, { params: { path: { server } }, signal }))
        : ask(api.GET(OWN, { params: { path: { project: owner, server } }, signal })),
  })

export interface Way {
  connection: Record<string, JsonValue>
  enabled: boolean
  /** Of a shared one. Null: all. */
  projects: string[] | null
}

/** `digest`: of the one that was edited. Null: a new one. */
export const putServer = (owner: Owner, server: string, { connection, enabled, projects }: Way, digest: string | null) =>
  owner === null
    ? ask(api.PUT(SHARED, { params: { path: { server }, header: began(digest) }, body: { connection: connection as never, enabled, projects } }))
    : ask(api.PUT(OWN, { params: { path: { project: owner, server }, header: began(digest) }, body: { connection: connection as never, enabled } }))

export const lookAt = (owner: Owner, server: string) =>
  owner === null
    ? ask(api.POST(`${SHARED}/look`, { params: { path: { server } } }))
    : ask(api.POST(`${OWN}/look`, { params: { path: { project: owner, server } } }))

/** `tools`: names without the server's. Null: all that have changed. */
export const accept = (owner: Owner, server: string, tools: string[] | null) =>
  owner === null
    ? ask(api.POST(`${SHARED}/accept`, { params: { path: { server } }, body: { tools } }))
    : ask(api.POST(`${OWN}/accept`, { params: { path: { project: owner, server } }, body: { tools } }))

/** `effect`: null: as the server's hints say. */
export const setEffect = (owner: Owner, server: string, tool: string, effect: EffectName | null) =>
  owner === null
    ? ask(api.POST(`${SHARED}/effects`, { params: { path: { server } }, body: { tool, effect } }))
    : ask(api.POST(`${OWN}/effects`, { params: { path: { project: owner, server } }, body: { tool, effect } }))

/** Begins a sign-in: the address to open in a browser. */
export const beginSignIn = (owner: Owner, server: string) =>
  owner === null
    ? ask(api.POST(`${SHARED}/sign-in`, { params: { path: { server } } }))
    : ask(api.POST(`${OWN}/sign-in`, { params: { path: { project: owner, server } } }))

export const endSignIn = (owner: Owner, server: string) =>
  owner === null
    ? ask(api.DELETE(`${SHARED}/sign-in`, { params: { path: { server } } }))
    : ask(api.DELETE(`${OWN}/sign-in`, { params: { path: { project: owner, server } } }))

export const removeServer = (owner: Owner, server: string) =>
  owner === null
    ? ask(api.DELETE(SHARED, { params: { path: { server } } }))
    : ask(api.DELETE(OWN, { params: { path: { project: owner, server } } }))
