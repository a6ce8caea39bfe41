import { expect, test } from 'vitest'

import type { RunStatus, RunView, StepView } from './generated/schema'
import { withBegun } from './liveRun'

const run = (status: RunStatus, ...steps: [path: string, status: string][]) =>
  ({ status, steps: steps.map(([path, state]) => ({ path, status: state }) as StepView) }) as RunView

test('a run that is read anew keeps the steps that have begun, until it has ended', () => {
  const before = run('running', ['greeting', 'running'], ['kind_words', 'running'])
  const kept = withBegun(before, run('running', ['greeting', 'succeeded']))
  expect(kept.steps.map(({ path, status }) => [path, status])).toEqual([['greeting', 'succeeded'], ['kind_words', 'running']])
  expect(withBegun(before, run('cancelled', ['greeting', 'succeeded'])).steps).toHaveLength(1)
})
