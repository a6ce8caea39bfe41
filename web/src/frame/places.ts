import type { ComponentType } from 'react'

import type { ServerRole } from '@/api/generated/schema'
import {
  IconBook,
  IconCalendar,
  IconCalendarEvent,
  IconChartBar,
  IconHistory,
  IconHome,
  IconInbox,
  IconKey,
  IconListCheck,
  IconMessage,
  IconSettings,
  IconShieldCheck,
  IconUsers,
} from '@/ui/icons'

interface Place {
  name: string
  label: string
  to: `/p/$project${'' | '/chat' | '/tasks' | '/templates' | '/runs' | '/inbox' | '/schedule' | '/calendars' | '/insights' | '/secrets' | '/members' | '/audit' | '/settings'}`
  Icon: ComponentType<{ size?: number; 'aria-hidden'?: boolean }>
  /** The right without which it is not offered. */
  needs?: string
  /** Roles on the server without which it is not offered. */
  roles?: readonly ServerRole[]
  /** Stands below the line: what is set up rather than worked with. */
  below?: boolean
}

/** The rail, in its order. */
export const PLACES: readonly Place[] = [
  { name: 'home', label: 'Home', to: '/p/$project', Icon: IconHome },
  { name: 'chat', label: 'Chat', to: '/p/$project/chat', Icon: IconMessage, needs: 'chat.read' },
  { name: 'tasks', label: 'Tasks', to: '/p/$project/tasks', Icon: IconListCheck },
  { name: 'templates', label: 'Templates', to: '/p/$project/templates', Icon: IconBook },
  { name: 'runs', label: 'Runs', to: '/p/$project/runs', Icon: IconHistory },
  { name: 'schedule', label: 'Schedule', to: '/p/$project/schedule', Icon: IconCalendarEvent },
  { name: 'inbox', label: 'Inbox', to: '/p/$project/inbox', Icon: IconInbox },
  { name: 'insights', label: 'Insights', to: '/p/$project/insights', Icon: IconChartBar },
  { name: 'calendars', label: 'Calendars', to: '/p/$project/calendars', Icon: IconCalendar, below: true },
  { name: 'secrets', label: 'Secrets', to: '/p/$project/secrets', Icon: IconKey, needs: 'secret.read', below: true },
  { name: 'members', label: 'Members', to: '/p/$project/members', Icon: IconUsers, below: true },
  { name: 'audit', label: 'Audit', to: '/p/$project/audit', Icon: IconShieldCheck, roles: ['admin', 'auditor'], below: true },
  { name: 'settings', label: 'Settings', to: '/p/$project/settings', Icon: IconSettings, below: true },
]
