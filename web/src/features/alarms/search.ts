import type { AlarmKind, AlarmState } from '@/api/alarms'

export const TABS = ['episodes', 'channels', 'rules'] as const
export type Tab = (typeof TABS)[number]

export const STATES: readonly AlarmState[] = ['open', 'acknowledged', 'closed']
export const KINDS: readonly AlarmKind[] = ['failed', 'late', 'silent', 'long', 'budget', 'overdue', 'paused']

export interface AlarmsSearch {
  tab?: Tab | undefined
  /** Without one: open, acknowledged or not. */
  state?: AlarmState | 'all' | undefined
  kind?: AlarmKind | undefined
}

export const alarmsSearch = (search: Record<string, unknown>): AlarmsSearch => ({
  tab: TABS.find((one) => one === search.tab && one !== 'episodes'),
  state: search.state === 'all' ? 'all' : STATES.find((one) => one === search.state && one !== 'open'),
  kind: KINDS.find((one) => one === search.kind),
})
