import { api, ask } from '@/api/client'

const path = (project: string, task: string) => ({ params: { path: { project, task } } })

export const archive = (project: string, task: string, note: string | null) =>
  ask(api.POST('/api/v1/projects/{project}/tasks/{task}/archive', { ...path(project, task), body: { note } }))

export const restore = (project: string, task: string) =>
  ask(api.POST('/api/v1/projects/{project}/tasks/{task}/restore', path(project, task)))

/** Archives it now; it is removed at `remove_at`, unless it is restored before. */
export const remove = (project: string, task: string, note: string | null) =>
  ask(
    api.DELETE('/api/v1/projects/{project}/tasks/{task}', {
      params: { path: { project, task }, query: note ? { note } : {} },
    }),
  )

/** Of the cache, what a change of tasks makes old. */
export const ofTasks = ({ queryKey }: { queryKey: readonly unknown[] }): boolean =>
  ['tasks', 'triggers', 'overview'].includes(String(queryKey[0]))
