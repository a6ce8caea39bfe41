import { expect, test } from 'vitest'

import type { RunStatus, RunView, StepView } from './generated/schema'
import { withBegun, withStep } from './liveRun'

const run = (status: RunStatus, ...steps: [path: string, status: string][]) =>
  ({ status, steps: steps.map(([path, state]) => ({ path, status: state }) as StepView) }) as RunView

test('a run that is read anew keeps the steps that have begun, until it has ended', () => {
  const before = run('running', ['greeting', 'running'], ['kind_words', 'running'])
  const kept = withBegun(before, run('running', ['greeting', 'succeeded']))
  expect(kept.steps.map(({ path, status }) => [path, status])).toEqual([['greeting', 'succeeded'], ['kind_words', 'running']])
  expect(withBegun(before, run('cancelled', ['greeting', 'succeeded'])).steps).toHaveLength(1)
})

test('a step that is told late stands before what began after it', () => {
  const began = (path: string, second: number) => ({ path, status: 'succeeded', started_at: `2026-11-26T10:00:0${second}.5Z` }) as StepView
  const view = { status: 'waiting', steps: [began('first', 1), began('ok', 3), began('ok.inner', 4)] } as RunView
  expect(withStep(view, began('second', 2)).steps.map(({ path }) => path)).toEqual(['first', 'second', 'ok', 'ok.inner'])
  expect(withStep(view, began('last', 5)).steps.at(-1)?.path).toBe('last')
})
