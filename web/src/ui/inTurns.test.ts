import { expect, test } from 'vitest'

import { inTurns } from './inTurns'

test('everything is done, a few at a time, and one that fails stops no other', async () => {
  let now = 0
  let most = 0
  const act = async (thing: string) => {
    most = Math.max(most, ++now)
    await Promise.resolve()
    now -= 1
    if (thing === 'b') throw new Error('no')
  }
  const { done, failures } = await inTurns(['a', 'b', 'c', 'd', 'e'], act, { atOnce: 2 })
  expect([done, [...failures.keys()], most]).toEqual([5, ['b'], 2])
})

test('nothing more is begun once it is stopped', async () => {
  let stop = false
  const { done } = await inTurns(['a', 'b', 'c'], async () => void (stop = true), { atOnce: 1, stopped: () => stop })
  expect(done).toBe(1)
})
