import { expect, test } from 'vitest'

import type { RunLine } from '@/api/generated/schema'
import { grouped } from './failures'

const run = (id: string, step: string, message: string, at: string) =>
  ({ id, task: 'sync', status: 'failed', reason: null, queued_at: at, finished_at: at, error: { kind: 'tool', step, message } }) as unknown as RunLine

test('runs that failed in the same way are one, whatever their figures, names and places in loops', () => {
  const found = grouped([
    run('c', 'each[7].load', 'row 12 of "beta" is 3.5 s late', '2026-11-25T03:00:00Z'),
    run('b', 'each[1].load', 'row 7 of "alpha" is 12 s late', '2026-11-25T02:00:00Z'),
    run('a', 'each[1].send', 'row 7 of "alpha" is 12 s late', '2026-11-25T01:00:00Z'),
  ])
  expect(found.map(({ runs, step, run: newest }) => [runs, step, newest])).toEqual([
    [2, 'each[].load', 'c'],
    [1, 'each[].send', 'a'],
  ])
  expect([found[0]?.first, found[0]?.last]).toEqual(['2026-11-25T02:00:00Z', '2026-11-25T03:00:00Z'])
})
