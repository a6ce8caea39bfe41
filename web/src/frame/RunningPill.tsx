import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { runsOfStatusQuery } from '@/api/runs'
import { IconPlayerPlayFilled } from '@/ui/icons'
import classes from './Frame.module.css'

/** How many runs run now; nothing where none does. */
export function RunningPill({ project }: { project: string }) {
  const { data } = useQuery(runsOfStatusQuery(project, 'running'))
  if (!data?.items.length) return null
  const number = `${data.items.length}${data.next_cursor ? '+' : ''}`
  return (
    <Link to="/p/$project/runs" params={{ project }} search={{ status: 'running' }} className={classes.pill}>
      <IconPlayerPlayFilled size={11} aria-hidden />
      {number} running
    </Link>
  )
}
