import { expect, test } from 'vitest'

import { type Form, scheduleOf } from './builder'

const form: Form = { rhythm: 'daily', at: '09:30', days: [], text: '', timezone: 'Europe/Berlin', from: '', until: '' }

test.each([
  [{}, { daily: '09:30' }],
  [{ rhythm: 'hourly' as const }, { hourly: { at: ':30' } }],
  [{ rhythm: 'weekly' as const, days: ['mon', 'thu'] }, { weekly: { on: ['mon', 'thu'], at: '09:30' } }],
  [{ rhythm: 'monthly' as const, days: ['1', 'last', 'x'] }, { monthly: { on: [1, 'last'], at: '09:30' } }],
  [{ rhythm: 'every' as const, text: '15m' }, { every: '15m' }],
  [{ rhythm: 'cron' as const, text: '0 9 * * MON' }, { cron: '0 9 * * MON' }],
])('the form %j writes %j', (change, rule) => {
  expect(scheduleOf({ ...form, ...change })).toEqual({ ...rule, timezone: 'Europe/Berlin' })
})

test('a window is written only where both ends are given', () => {
  expect(scheduleOf({ ...form, from: '08:00' })).not.toHaveProperty('window')
  expect(scheduleOf({ ...form, from: '08:00', until: '18:00' })).toHaveProperty('window.between', ['08:00', '18:00'])
})
