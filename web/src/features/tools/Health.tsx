import type { ToolServerView } from '@/api/generated/schema'
import { plural } from '@/ui/format'
import { IconAlertTriangle, IconCircleCheckFilled, IconCircleDashed, IconClockExclamation, IconPlayerPause } from '@/ui/icons'
import classes from './Tools.module.css'

const ICONS = {
  ok: IconCircleCheckFilled,
  changed: IconClockExclamation,
  problem: IconAlertTriangle,
  unknown: IconCircleDashed,
  off: IconPlayerPause,
}

/** How a server is: by shape, word and colour. */
export function Health({ server }: { server: ToolServerView }) {
  const health = server.enabled ? server.health : 'off'
  const Icon = ICONS[health]
  const said = {
    ok: 'answers',
    changed: `${plural(server.changes.length, 'tool')} to look at`,
    problem: 'does not work',
    unknown: 'not looked at yet',
    off: 'switched off',
  }[health]
  return (
    <span className={classes.health} data-health={health}>
      <Icon size={15} aria-hidden />
      {said}
    </span>
  )
}
