import type { AlarmKind } from '@/api/alarms'

/** What each kind tells of. */
export const KIND_WORDS: Record<AlarmKind, string> = {
  failed: 'Failed',
  late: 'Late',
  silent: 'Silent',
  long: 'Takes long',
  budget: 'Budget used up',
  overdue: 'Question waits',
  paused: 'Switched off',
}

export const EVENT_WORDS: Record<string, string> = {
  approval: 'Questions and reminders',
  failed: 'A run fails',
  late: 'Something does not start in time',
  silent: 'Nothing succeeds for too long',
  long: 'A run takes long',
  budget: 'A budget is used up',
  overdue: 'A question waits too long',
  paused: 'A task was switched off',
  recovered: 'It succeeds again',
}

export const EVENTS = Object.keys(EVENT_WORDS)
