import { expect, test } from 'vitest'

import { count, duration, money, relative, written } from './format'

test.each([
  [0, '0 s'],
  [0.0004, '<1 ms'],
  [0.43, '430 ms'],
  [0.9999, '1.0 s'],
  [41.2, '41 s'],
  [130, '2 min 10 s'],
  [10_920, '3 h 02 min'],
  [187_200, '2 d 4 h'],
])('%s seconds read %s', (seconds, text) => expect(duration(seconds)).toBe(text))

test.each([
  [0, '$0'],
  [0.0312, '$0.031'],
  [12.5, '$12.50'],
])('%s dollars read %s', (usd, text) => expect(money(usd)).toBe(text))

test('large counts are rounded', () => expect([count(1234), count(12_400), count(2_500_000)]).toEqual(['1,234', '12.4k', '2.5M']))

test('a moment is told from now', () => {
  const now = Date.parse('2026-11-26T12:00:00Z')
  expect(relative('2026-11-26T11:57:00Z', now)).toBe('3 min ago')
  expect(relative('2026-11-26T15:00:00Z', now)).toBe('in 3 h')
})

test('seconds are written as a field takes them', () => {
  expect(written(600)).toBe('10m')
  expect(written(5400)).toBe('1h30m')
  expect(written(172_800)).toBe('2d')
  expect(written(90.5)).toBe('1m30.5s')
})
