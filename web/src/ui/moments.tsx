import { useNow } from './clock'
import { duration, inZone, relative, secondsBetween } from './format'
import { useZone } from './zone'

export { useNow, useZone }

interface MomentProps {
  at: string
  /** The zone of the task, told on hover beside the reader's and UTC. */
  zone?: string | null
  /** `relative`: 3 min ago; `absolute`: in the reader's zone. */
  as?: 'relative' | 'absolute' | 'minute'
}

/** A moment; on hover in every zone that matters. */
export function Moment({ at, zone, as = 'relative' }: MomentProps) {
  const reader = useZone()
  const now = useNow(as === 'relative' ? 15_000 : null)
  const told = [`${inZone(at, reader)} ${reader}`, zone && zone !== reader ? `${inZone(at, zone)} ${zone}` : null]
  const title = [...told, reader === 'UTC' ? null : `${inZone(at, 'UTC')} UTC`].filter(Boolean).join('\n')
  return (
    <time dateTime={at} title={title} suppressHydrationWarning>
      {as === 'relative' ? relative(at, now) : inZone(at, reader, as === 'absolute')}
    </time>
  )
}

/** How long something took, or has taken up to now. */
export function Took({ from, to }: { from: string | null; to: string | null }) {
  const now = useNow(to === null && from !== null ? 1000 : null)
  return <span className="figures">{from === null ? '–' : duration(secondsBetween(from, to, now))}</span>
}
