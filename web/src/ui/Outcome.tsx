import type { ReactNode } from 'react'

import { IconAlertTriangle, IconCircleCheckFilled } from './icons'
import classes from './Outcome.module.css'

/** What came of a trial, where it was asked for. */
export function Outcome({ good, title, children }: { good: boolean; title: string; children?: ReactNode }) {
  const Icon = good ? IconCircleCheckFilled : IconAlertTriangle
  return (
    <div className={classes.outcome} data-good={good || undefined} role={good ? 'status' : 'alert'}>
      <Icon size={18} aria-hidden />
      <div>
        <strong>
          <bdi>{title}</bdi>
        </strong>
        {children}
      </div>
    </div>
  )
}
