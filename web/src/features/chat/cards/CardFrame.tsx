import type { ComponentType, ReactNode } from 'react'

import classes from './Cards.module.css'

interface CardFrameProps {
  /** What kind of thing it is. */
  label: string
  /** Its name. */
  title?: ReactNode
  Icon?: ComponentType<{ size?: number; 'aria-hidden'?: boolean }>
  /** At the right of the title: how it stands. */
  standing?: ReactNode
  children?: ReactNode
  /** What can be done with it. */
  actions?: ReactNode
}

/** What every card has: what it is, what it shows, and what can be done with it. */
export function CardFrame({ label, title, Icon, standing, children, actions }: CardFrameProps) {
  return (
    <section className={classes.card} aria-label={typeof title === 'string' ? `${label} ${title}` : label}>
      <header className={classes.head}>
        {Icon && <Icon size={16} aria-hidden />}
        <span className={classes.label}>{label}</span>
        {title && (
          <strong className={classes.title}>
            <bdi>{title}</bdi>
          </strong>
        )}
        <span className={classes.standing}>{standing}</span>
      </header>
      {children && <div className={classes.body}>{children}</div>}
      {actions && <footer className={classes.actions}>{actions}</footer>}
    </section>
  )
}
