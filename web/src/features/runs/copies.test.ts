import { expect, test } from 'vitest'

import { parse } from 'yaml'

import type { RunView, StepView } from '@/api/generated/schema'
import { asCli, asCurl, asTest } from './copies'
import { parseCsv } from './csv'

const run = { task: 'report', version: 3, arguments: { region: 'emea', note: "it's $HOME; rm -rf /" } } as unknown as RunView

test('an argument reaches the shell as one word', () => {
  expect(asCli('default', run)).toBe(
    "errands run report --project default -p region=emea -p 'note=it'\\''s $HOME; rm -rf /' --follow",
  )
})

test('a copied request holds no token', () => {
  expect(asCurl('http://localhost:8420', 'default', run)).toContain('"Authorization: Bearer $ERRANDS_TOKEN"')
})

test('quoted cells hold commas, quotes and line breaks', () => {
  expect(parseCsv('a,b\n"x, y","he said ""no""\nand left"\n', 10)).toEqual([
    ['a', 'b'],
    ['x, y', 'he said "no"\nand left'],
  ])
})

test('only the first rows are read', () => {
  expect(parseCsv('a\nb\nc\n', 2)).toEqual([['a'], ['b']])
})

const step = (path: string, kind: string, more: Partial<StepView> = {}): StepView =>
  ({ path, kind, status: 'succeeded', output: null, output_size: null, ...more }) as StepView

test('a copied test answers for what touched the outside, and for nothing else', () => {
  const ended = {
    id: 'run_00000000000000000000000012345678',
    status: 'succeeded',
    arguments: { region: 'emea' },
    output: 3,
    error: null,
    started_at: '2026-11-26T07:00:00Z',
    steps: [
      step('orders', 'tool', { output: { rows: [1, 2] } }),
      step('total', 'transform', { output: 3 }),
      step('each[0].sent', 'notify', { output_size: 70_000 }),
      step('each[1].sent', 'notify', { status: 'skipped' }),
      step('ok', 'approve', { output: { choice: 'send' } }),
    ],
  } as unknown as RunView
  expect(parse(asTest(ended, new Map([['each[0].sent', { ok: true }]])))).toEqual([
    {
      name: 'as in run 12345678',
      arguments: { region: 'emea' },
      stub: { orders: { rows: [1, 2] }, 'each[0].sent': { ok: true }, ok: { choice: 'send' } },
      now: '2026-11-26T07:00:00Z',
      expect: { status: 'succeeded', output: 3 },
    },
  ])
})

test('a run that failed inside gives a test of that failure', () => {
  const failed = {
    id: 'run_1', status: 'failed', arguments: {}, output: null, started_at: null,
    error: { step: 'judged', message: 'the shop answered 500' }, steps: [step('judged', 'transform', { status: 'failed' })],
  } as unknown as RunView
  expect(parse(asTest(failed, new Map()))).toEqual([
    { name: 'as in run run_1', expect: { status: 'failed', error: 'the shop answered 500' } },
  ])
})
