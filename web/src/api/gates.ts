import { queryOptions } from '@tanstack/react-query'

import { api, ask, Refusal } from './client'

/** What must hold before a version is published. */
export interface Gate {
  runs: number
  may_differ: number
  unknown: 'differs' | 'passes'
}

/** The gate of a task, or (null) of its project for all tasks without one of their own. */
export const gateQuery = (project: string, task: string | null) =>
  queryOptions({
    queryKey: ['gates', project, task],
    queryFn: ({ signal }) =>
      task === null
        ? ask(api.GET('/api/v1/projects/{project}/publish-gate', { params: { path: { project } }, signal }))
        : ask(api.GET('/api/v1/projects/{project}/tasks/{task}/publish-gate', { params: { path: { project, task } }, signal })),
  })

/** `gate` null: none; of a task: what its project says. `digest`: of the one that was edited. */
export function setGate(project: string, task: string | null, gate: Gate | null, digest: string) {
  const header = { 'if-match': `"${digest}"` }
  return task === null
    ? ask(api.PUT('/api/v1/projects/{project}/publish-gate', { params: { path: { project }, header }, body: { gate } }))
    : ask(api.PUT('/api/v1/projects/{project}/tasks/{task}/publish-gate', { params: { path: { project, task }, header }, body: { gate } }))
}

/** The runs for which a gate holds a version back, each with why; null: it was not refused for that. */
export function heldBack(error: unknown): { run: string; why: string }[] | null {
  if (!(error instanceof Refusal) || !error.problem.type.endsWith(':gate-closed')) return null
  return (error.problem.problems ?? []).map(({ path, message }) => ({ run: path, why: message }))
}
