import { expect, test } from 'vitest'

import { bodyOf, rulesOf } from './rules'

test('what is kept goes back as it was', () => {
  const kept = { failed: 'episode', late: 600, long: { after: null, times_p95: 3 }, pause_after_failures: 5, channels: ['ops'] }
  expect(bodyOf(rulesOf(kept))).toEqual({ failed: 'episode', late: '10m', long: { times_p95: 3 }, pause_after_failures: 5, channels: ['ops'] })
})

test('a project without rules watches nothing', () => {
  expect(bodyOf(rulesOf({}))).toEqual({})
})
