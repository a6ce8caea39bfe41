import { Title } from '@mantine/core'
import type { ReactNode } from 'react'

import classes from './Screen.module.css'
import { useTab } from './tab'

interface ScreenProps {
  title: string
  /** Beside the title: a badge, a name. */
  beside?: ReactNode
  /** What can be done, at the right. */
  actions?: ReactNode
  children: ReactNode
  /** How the thing that is shown stands: told in the browser's tab. */
  outcome?: string | undefined
  /** Takes the whole height; its parts scroll by themselves. */
  full?: boolean
}

/** A screen: its heading, what can be done, and its content. */
export function Screen({ title, beside, actions, children, outcome, full = false }: ScreenProps) {
  useTab(title, outcome)
  return (
    <div className={classes.screen} data-full={full || undefined}>
      <header className={classes.head}>
        <div className={classes.named}>
          <Title order={1} className={classes.title} title={title}>
            <bdi>{title}</bdi>
          </Title>
          {beside}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** A part of a screen with a heading of its own. */
export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.section} aria-label={title}>
      <div className={classes.sectionHead}>
        <Title order={2}>{title}</Title>
        {aside}
      </div>
      {children}
    </section>
  )
}
