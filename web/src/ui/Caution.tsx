import type { ReactNode } from 'react'

import classes from './Caution.module.css'

/** Something is held back: paused, off. */
export function Caution({ children, title }: { children: ReactNode; title?: string | undefined }) {
  return (
    <span className={classes.caution} title={title}>
      {children}
    </span>
  )
}
