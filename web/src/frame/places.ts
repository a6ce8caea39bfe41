import type { ComponentType } from 'react'

import { IconHistory, IconHome, IconInbox, IconListCheck } from '@/ui/icons'

interface Place {
  name: string
  label: string
  to: '/p/$project' | '/p/$project/tasks' | '/p/$project/runs' | '/p/$project/inbox'
  Icon: ComponentType<{ size?: number; 'aria-hidden'?: boolean }>
  /** The right without which it is not offered. */
  needs?: string
  /** Stands below the line: what is set up rather than worked with. */
  below?: boolean
}

/** The rail, in its order. */
export const PLACES: readonly Place[] = [
  { name: 'home', label: 'Home', to: '/p/$project', Icon: IconHome },
  { name: 'tasks', label: 'Tasks', to: '/p/$project/tasks', Icon: IconListCheck },
  { name: 'runs', label: 'Runs', to: '/p/$project/runs', Icon: IconHistory },
  { name: 'inbox', label: 'Inbox', to: '/p/$project/inbox', Icon: IconInbox },
]
