import { expect, test } from 'vitest'

import type { RunView, StepView } from '@/api/generated/schema'
import { withStep } from '@/api/liveRun'
import { editableBefore } from './editable'
import { rowsOf } from './tree'

const step = (path: string, depth: number, more: Partial<StepView> = {}): StepView =>
  ({ path, depth, key: path, status: 'succeeded', started_at: null, finished_at: null, ...more }) as StepView

const run = (...steps: StepView[]): RunView =>
  ({ started_at: '2026-11-26T00:00:00Z', finished_at: '2026-11-26T00:00:10Z', steps }) as RunView

const loop = run(step('list', 0), step('each', 0), step('each[0].moved', 1), step('each[1].moved', 1), step('told', 0))

test('what stands below a closed step is left out, and nothing else', () => {
  const paths = rowsOf(loop, new Set(['each']), 0).map((row) => row.step.path)
  expect(paths).toEqual(['list', 'each', 'told'])
})

test('only a step with others below it opens', () => {
  const opens = rowsOf(loop, new Set(), 0).map((row) => row.opens)
  expect(opens).toEqual([false, true, false, false, false])
})

test('a step lies on the time of the run', () => {
  const times = { started_at: '2026-11-26T00:00:02Z', finished_at: '2026-11-26T00:00:07Z' }
  const [row] = rowsOf(run(step('a', 0, times)), new Set(), 0)
  expect([row?.from, row?.to]).toEqual([0.2, 0.7])
})

test('a step that was told again takes its own place', () => {
  const changed = withStep(loop, step('each', 0, { status: 'failed' }))
  expect(changed.steps.map((one) => one.path)).toEqual(loop.steps.map((one) => one.path))
  expect(changed.steps[1]?.status).toBe('failed')
})

test('a new round stands after the rounds before it', () => {
  const paths = withStep(loop, step('each[2].moved', 1)).steps.map((one) => one.path)
  expect(paths).toEqual(['list', 'each', 'each[0].moved', 'each[1].moved', 'each[2].moved', 'told'])
})

test('what can be written anew are steps before, but for those around and for answers', () => {
  const asked = run(step('ok', 0, { kind: 'approve' }), ...loop.steps)
  expect(editableBefore(asked, 'each[1].moved').map(({ path }) => path)).toEqual(['list', 'each[0].moved'])
})
