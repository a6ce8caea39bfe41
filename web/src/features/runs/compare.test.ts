import { expect, test } from 'vitest'

import type { RunView, StepView } from '@/api/generated/schema'
import { asText, pairsOf } from './compare'

const step = (path: string, more: Partial<StepView> = {}): StepView =>
  ({ path, status: 'succeeded', input: null, output: 1, attempts: 1, error: null, ...more }) as StepView
const run = (...steps: StepView[]): RunView => ({ steps }) as RunView

test('steps stand side by side, and those of one run alone where they belong', () => {
  const pairs = pairsOf(run(step('a'), step('each[0].x'), step('z')), run(step('a'), step('each[0].x'), step('each[1].x'), step('z')))
  expect(pairs.map(({ path, differs }) => [path, differs])).toEqual([
    ['a', []],
    ['each[0].x', []],
    ['each[1].x', ['only in the later']],
    ['z', []],
  ])
})

test('a step of the other run that comes before all of ours comes first', () => {
  expect(pairsOf(run(step('b')), run(step('a'), step('b'))).map(({ path }) => path)).toEqual(['a', 'b'])
})

test('what differs is named', () => {
  const [pair] = pairsOf(
    run(step('a', { input: { x: 1 } })),
    run(step('a', { status: 'failed', input: { x: 2 }, output: null, output_size: 70_000, attempts: 3 })),
  )
  expect(pair?.differs).toEqual(['outcome', 'input', 'output', 'attempts'])
})

test('the order of keys is no difference', () => {
  expect(asText({ b: 1, a: { d: 2, c: 3 } })).toBe(asText({ a: { c: 3, d: 2 }, b: 1 }))
  const [pair] = pairsOf(run(step('a', { output: { x: 1, y: 2 } })), run(step('a', { output: { y: 2, x: 1 } })))
  expect(pair?.differs).toEqual([])
})
