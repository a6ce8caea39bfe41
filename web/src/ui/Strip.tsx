import { useRouter } from '@tanstack/react-router'
import type { MouseEvent } from 'react'

import { type Outcome, OUTCOMES } from './outcomes'
import classes from './Strip.module.css'

interface Recent {
  id: string
  status: string
}

/** The last runs of a task as bars, the newest at the right; each leads to its run. */
export function Strip({ project, runs }: { project: string; runs: readonly Recent[] }) {
  const router = useRouter()
  if (runs.length === 0) return <span className={classes.none}>no run yet</span>
  // A list holds a thousand bars: plain links, which none but the one that is clicked costs anything.
  const open = (event: MouseEvent) => {
    const run = event.target instanceof HTMLAnchorElement ? event.target.dataset.run : undefined
    if (!run || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    void router.navigate({ to: '/p/$project/runs/$run', params: { project, run } })
  }
  return (
    <span className={classes.strip} onClick={open}>
      {runs.toReversed().map(({ id, status }) => {
        const label = OUTCOMES[status as Outcome].label
        return (
          <a
            key={id}
            href={`/p/${encodeURIComponent(project)}/runs/${id}`}
            data-run={id}
            className={classes.bar}
            data-outcome={status}
            title={label}
            aria-label={`${label}: run ${id.slice(-6)}`}
            tabIndex={-1}
          />
        )
      })}
    </span>
  )
}
