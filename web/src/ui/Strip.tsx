import { runAddress, useFollow } from './follow'
import { type Outcome, OUTCOMES } from './outcomes'
import classes from './Strip.module.css'

interface Recent {
  id: string
  status: string
}

/** The last runs of a task as bars, the newest at the right; each leads to its run. */
export function Strip({ project, runs }: { project: string; runs: readonly Recent[] }) {
  const follow = useFollow()
  if (runs.length === 0) return <span className={classes.none}>no run yet</span>
  return (
    <span className={classes.strip} onClick={follow}>
      {runs.toReversed().map(({ id, status }) => {
        const label = OUTCOMES[status as Outcome].label
        return (
          <a
            key={id}
            href={runAddress(project, id)}
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
