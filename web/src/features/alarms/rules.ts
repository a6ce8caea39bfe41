import type { DefaultsBody, JsonValue } from '@/api/generated/schema'

import { written } from '@/ui/format'

/** What the form holds of a project's rules. Durations as people write them; empty: not watched. */
export interface Rules {
  failed: 'episode' | 'each' | 'never'
  recovered: boolean
  late: string
  silent: string
  longAfter: string
  longTimes: number | null
  budget: 'as failed' | 'yes' | 'no'
  overdue: string
  pauseAfter: number | null
  /** Empty: each channel that takes alarms of the kind. */
  channels: string[]
}

type Kept = Record<string, JsonValue>

export function rulesOf(kept: Kept): Rules {
  const long = (kept.long ?? {}) as Kept
  return {
    failed: kept.failed === 'episode' || kept.failed === 'each' ? kept.failed : 'never',
    recovered: kept.recovered !== false,
    late: asText(kept.late),
    silent: asText(kept.silent),
    longAfter: asText(long.after),
    longTimes: typeof long.times_p95 === 'number' ? long.times_p95 : null,
    budget: typeof kept.budget === 'boolean' ? (kept.budget ? 'yes' : 'no') : 'as failed',
    overdue: asText(kept.overdue),
    pauseAfter: typeof kept.pause_after_failures === 'number' && kept.pause_after_failures > 0 ? kept.pause_after_failures : null,
    channels: Array.isArray(kept.channels) ? kept.channels.map(String) : [],
  }
}

/** Only what is said: what is left out is not watched. */
export function bodyOf(rules: Rules): DefaultsBody {
  const long = { ...(rules.longAfter ? { after: rules.longAfter } : {}), ...(rules.longTimes ? { times_p95: rules.longTimes } : {}) }
  return {
    ...(rules.failed === 'never' ? {} : { failed: rules.failed }),
    ...(rules.recovered ? {} : { recovered: false }),
    ...(rules.late ? { late: rules.late } : {}),
    ...(rules.silent ? { silent: rules.silent } : {}),
    ...(Object.keys(long).length ? { long } : {}),
    ...(rules.budget === 'as failed' ? {} : { budget: rules.budget === 'yes' }),
    ...(rules.overdue ? { overdue: rules.overdue } : {}),
    ...(rules.pauseAfter ? { pause_after_failures: rules.pauseAfter } : {}),
    ...(rules.channels.length ? { channels: rules.channels } : {}),
  }
}

const asText = (seconds: JsonValue | undefined): string => (typeof seconds === 'number' ? written(seconds) : '')
