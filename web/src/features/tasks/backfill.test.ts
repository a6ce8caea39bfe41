import { expect, test } from 'vitest'

import { startOfDay } from './backfill'

test.each([
  ['2026-11-26', 'UTC', '2026-11-26T00:00:00.000Z'],
  ['2026-11-26', 'Europe/Berlin', '2026-11-25T23:00:00.000Z'],
  ['2026-07-01', 'Europe/Berlin', '2026-06-30T22:00:00.000Z'],
  ['2026-11-26', 'America/New_York', '2026-11-26T05:00:00.000Z'],
  // The clocks are put forward later on this day, and back on the other.
  ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
  ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z'],
  ['2026-11-26', 'Asia/Kathmandu', '2026-11-25T18:15:00.000Z'],
])('%s in %s begins at %s', (day, zone, moment) => expect(startOfDay(day, zone)).toBe(moment))
