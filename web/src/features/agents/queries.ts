import { queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { AgentBody } from '@/api/generated/schema'

export const agentsQuery = (project: string) =>
  queryOptions({
    queryKey: ['agents', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/agents', { params: { path: { project } }, signal })),
  })

export const agentQuery = (project: string, agent: string) =>
  queryOptions({
    queryKey: ['agents', project, agent],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/projects/{project}/agents/{agent}', { params: { path: { project, agent } }, signal })),
  })

/** `digest`: of the agent that was edited. Null: a new one. */
export const putAgent = (project: string, agent: string, body: AgentBody, digest: string | null) =>
  ask(
    api.PUT('/api/v1/projects/{project}/agents/{agent}', {
      params: { path: { project, agent }, header: digest === null ? {} : { 'if-match': `"${digest}"` } },
      body,
    }),
  )

export const removeAgent = (project: string, agent: string) =>
  ask(api.DELETE('/api/v1/projects/{project}/agents/{agent}', { params: { path: { project, agent } } }))

/** Makes a version of the task from its published file, with the agents as they are now, and publishes it. */
export const takeOver = async (project: string, task: string, version: number, agent: string) => {
  const path = { project, task }
  const file = await ask(
    api.GET('/api/v1/projects/{project}/tasks/{task}/source', { params: { path, query: { version } } }),
  )
  const body = { source: file.source, message: `Takes the agent ${agent} as it is now`, publish: true }
  return ask(api.PUT('/api/v1/projects/{project}/tasks/{task}', { params: { path, header: { 'if-match': '*' } }, body }))
}
