import type { ComponentType } from 'react'

import {
  IconBan,
  IconCircleCheckFilled,
  IconCircleDashed,
  IconClockExclamation,
  IconHourglass,
  IconPlayerPlayFilled,
  IconPlayerSkipForward,
  IconSquareRoundedX,
} from './icons'
import classes from './outcomes.module.css'

export type Outcome =
  | 'succeeded'
  | 'running'
  | 'waiting'
  | 'queued'
  | 'skipped'
  | 'failed'
  | 'timed_out'
  | 'cancelled'

interface Look {
  label: string
  /** A shape of its own: colour is never alone. */
  Icon: ComponentType<{ size?: number; 'aria-hidden'?: boolean }>
}

export const OUTCOMES: Record<Outcome, Look> = {
  succeeded: { label: 'Succeeded', Icon: IconCircleCheckFilled },
  running: { label: 'Running', Icon: IconPlayerPlayFilled },
  waiting: { label: 'Waiting', Icon: IconHourglass },
  queued: { label: 'Queued', Icon: IconCircleDashed },
  skipped: { label: 'Skipped', Icon: IconPlayerSkipForward },
  failed: { label: 'Failed', Icon: IconSquareRoundedX },
  timed_out: { label: 'Timed out', Icon: IconClockExclamation },
  cancelled: { label: 'Cancelled', Icon: IconBan },
}

export const ACTIVE: readonly Outcome[] = ['queued', 'running', 'waiting']
export const isActive = (status: string): boolean => ACTIVE.includes(status as Outcome)
export const isOutcome = (status: string): status is Outcome => status in OUTCOMES
/** The outcome of this name; none where there is no such. */
export const outcomeName = (status: string): Outcome | undefined => (isOutcome(status) ? status : undefined)
export const outcomeColor = (status: Outcome): string => `var(--outcome-${status})`

/** The shape alone, with its name for who cannot see it. */
export function OutcomeIcon({ status, size = 16 }: { status: Outcome; size?: number }) {
  const { Icon, label } = OUTCOMES[status]
  return (
    <span className={classes.icon} data-outcome={status} role="img" aria-label={label} title={label}>
      <Icon size={size} aria-hidden />
    </span>
  )
}

/** Shape and word. */
export function OutcomeBadge({ status, quiet = false }: { status: Outcome; quiet?: boolean }) {
  const { Icon, label } = OUTCOMES[status]
  return (
    <span className={classes.badge} data-outcome={status} data-quiet={quiet || undefined}>
      <Icon size={14} aria-hidden />
      {label}
    </span>
  )
}
