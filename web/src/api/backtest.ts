import { api, ask } from './client'

/** A stored version of a task, or a file that is not stored yet. */
export type Tried = { task: string; version: number } | { file: { name: string; source: string } }

/** What it would have made of the last runs of its task. */
export const backtest = (project: string, tried: Tried, runs: number) =>
  ask(
    api.POST('/api/v1/projects/{project}/backtest', {
      params: { path: { project } },
      body: { ...tried, runs } as never,
    }),
  )
