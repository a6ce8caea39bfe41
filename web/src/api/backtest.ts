import { api, ask } from './client'

/** A stored version of a task, or a file that is not stored yet. */
export type Tried = { task: string; version: number } | { file: { name: string; source: string } }

/** What real models may use, in all runs together. At least one bound. */
export interface LiveBudget {
  usd?: number | undefined
  tokens?: number | undefined
  requests?: number | undefined
}

/** What it would have made of the last runs of its task. `live` null: nobody is asked. */
export const backtest = (project: string, tried: Tried, runs: number, live: LiveBudget | null) =>
  ask(
    api.POST('/api/v1/projects/{project}/backtest', {
      params: { path: { project } },
      body: { ...tried, runs, live } as never,
    }),
  )
