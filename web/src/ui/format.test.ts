import { expect, test } from 'vitest'

import { browserOf, count, duration, inShort, money, price, relative, written } from './format'

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

test('large counts are rounded', () =>
  expect([1234, 12_400, 100_000, 999_960, 2_500_000].map(count)).toEqual(['1,234', '12.4k', '100k', '1M', '2.5M']))

test('a browser is told by its name', () => {
  expect(browserOf('Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe('Firefox on Windows')
  expect(browserOf('curl/8.5')).toBe('curl/8.5')
})

test('prices have as many digits as they need', () => expect([0, 10, 0.6, 2.5, 0.0375].map(price)).toEqual(['$0', '$10', '$0.60', '$2.50', '$0.0375']))

test('what went wrong is told without the code at which it did', () => {
  expect(inShort('`raise ValueError("a " + b)` (line 2, column 11) failed: ValueError: the shop answered 500')).toBe('the shop answered 500')
  expect(inShort('The server did not answer.')).toBe('The server did not answer.')
})

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
