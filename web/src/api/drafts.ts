import { api, ask } from './client'

/** A file that is being edited, and the version it began with. */
export interface Draft {
  text: string
  /** Number and ETag of the version that was edited. Null: a new task. */
  base: { version: number; tag: string } | null
}

const key = (project: string, task: string) => `errands.draft.${project}.${task}`

/** Drafts of tasks, kept in this browser until they are stored or thrown away. */
export const drafts = {
  kept(project: string, task: string): Draft | null {
    try {
      const found: unknown = JSON.parse(localStorage.getItem(key(project, task)) ?? 'null')
      return found !== null && typeof found === 'object' && 'text' in found ? (found as Draft) : null
    } catch {
      return null
    }
  },
  keep(project: string, task: string, draft: Draft): void {
    localStorage.setItem(key(project, task), JSON.stringify(draft))
  },
  forget(project: string, task: string): void {
    localStorage.removeItem(key(project, task))
  },
}

/** The newest version's number and tag, and what its file says. */
export async function newestNow(project: string, task: string): Promise<{ version: number; tag: string; source: string }> {
  const path = { project, task }
  const came = await api.GET('/api/v1/projects/{project}/tasks/{task}', { params: { path } })
  const { latest: version } = await ask(Promise.resolve(came))
  const { source } = await ask(api.GET('/api/v1/projects/{project}/tasks/{task}/source', { params: { path, query: { version } } }))
  return { version, tag: came.response.headers.get('ETag') ?? '', source }
}

/** Make a change to the draft of a task, or begin one with it: the editor shows it, and nothing is stored before somebody does. */
export async function propose(project: string, task: string, change: (text: string) => string): Promise<void> {
  const draft = drafts.kept(project, task) ?? (await begun(project, task))
  drafts.keep(project, task, { ...draft, text: change(draft.text) })
}

async function begun(project: string, task: string): Promise<Draft> {
  const { version, tag, source } = await newestNow(project, task)
  return { text: source, base: { version, tag } }
}
