import { Link } from '@tanstack/react-router'

import { IconArrowLeft } from '@/ui/icons'
import classes from './Chat.module.css'

/** The way to the conversations, where there is no room for them beside. */
export function ToThreads({ project }: { project: string }) {
  return (
    <Link to="/p/$project/chat" params={{ project }} search={{ list: true }} className={classes.back}>
      <IconArrowLeft size={14} aria-hidden /> All conversations
    </Link>
  )
}
