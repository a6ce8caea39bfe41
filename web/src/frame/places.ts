import { useQuery } from '@tanstack/react-query'
import type { ComponentType } from 'react'

import type { ServerRole } from '@/api/generated/schema'
import { meQuery, projectQuery } from '@/api/queries'
import {
  IconBellRinging,
  IconBook,
  IconBrain,
  IconCalendar,
  IconCalendarEvent,
  IconChartBar,
  IconHistory,
  IconHome,
  IconInbox,
  IconKey,
  IconListCheck,
  IconMessage,
  IconRobot,
  IconServer,
  IconSettings,
  IconShieldCheck,
  IconTool,
  IconUsers,
} from '@/ui/icons'

export interface Place {
  name: string
  label: string
  to: `/p/$project${'' | '/chat' | '/tasks' | '/templates' | '/runs' | '/inbox' | '/schedule' | '/calendars' | '/insights' | '/secrets' | '/members' | '/members/accounts' | '/audit' | '/settings' | '/alarms' | '/agents' | '/models' | '/tools' | '/tools/servers'}`
  Icon: ComponentType<{ size?: number; 'aria-hidden'?: boolean }>
  /** The right without which it is not offered. */
  needs?: string
  /** Roles on the server without which it is not offered. */
  roles?: readonly ServerRole[]
  /** Found by its name alone: it is a part of another place. */
  paletteOnly?: boolean
  /** Stands below the line: what is set up rather than worked with. */
  below?: boolean
  /** Stands in the bar of a telephone; the others are one touch further. */
  bar?: boolean
}

/** The rail, in its order. */
export const PLACES: readonly Place[] = [
  { name: 'home', label: 'Home', to: '/p/$project', Icon: IconHome, bar: true },
  { name: 'chat', label: 'Chat', to: '/p/$project/chat', Icon: IconMessage, needs: 'chat.read' },
  { name: 'tasks', label: 'Tasks', to: '/p/$project/tasks', Icon: IconListCheck, bar: true },
  { name: 'templates', label: 'Templates', to: '/p/$project/templates', Icon: IconBook },
  { name: 'runs', label: 'Runs', to: '/p/$project/runs', Icon: IconHistory, bar: true },
  { name: 'schedule', label: 'Schedule', to: '/p/$project/schedule', Icon: IconCalendarEvent },
  { name: 'inbox', label: 'Inbox', to: '/p/$project/inbox', Icon: IconInbox, bar: true },
  { name: 'alarms', label: 'Alarms', to: '/p/$project/alarms', Icon: IconBellRinging, needs: 'alarm.read' },
  { name: 'insights', label: 'Insights', to: '/p/$project/insights', Icon: IconChartBar },
  { name: 'agents', label: 'Agents', to: '/p/$project/agents', Icon: IconRobot, needs: 'agent.read', below: true },
  { name: 'models', label: 'Models', to: '/p/$project/models', Icon: IconBrain, needs: 'model.read', below: true },
  { name: 'tools', label: 'Tools', to: '/p/$project/tools', Icon: IconTool, needs: 'tool.read', below: true },
  { name: 'tool-servers', label: 'Tool servers', to: '/p/$project/tools/servers', Icon: IconServer, needs: 'tool.read', paletteOnly: true },
  { name: 'calendars', label: 'Calendars', to: '/p/$project/calendars', Icon: IconCalendar, below: true },
  { name: 'secrets', label: 'Secrets', to: '/p/$project/secrets', Icon: IconKey, needs: 'secret.read', below: true },
  { name: 'members', label: 'Members', to: '/p/$project/members', Icon: IconUsers, below: true },
  { name: 'accounts', label: 'Accounts of the server', to: '/p/$project/members/accounts', Icon: IconUsers, roles: ['admin', 'auditor'], paletteOnly: true },
  { name: 'audit', label: 'Audit', to: '/p/$project/audit', Icon: IconShieldCheck, roles: ['admin', 'auditor'], below: true },
  { name: 'settings', label: 'Settings', to: '/p/$project/settings', Icon: IconSettings, below: true },
]

/** The places that the reader may use, in their order. */
export function usePlaces(project: string): readonly Place[] {
  const { data } = useQuery(projectQuery(project))
  const { data: me } = useQuery(meQuery)
  return PLACES.filter(
    ({ needs, roles }) => (!needs || data?.rights.includes(needs)) && (!roles || (me && roles.includes(me.server_role))),
  )
}
