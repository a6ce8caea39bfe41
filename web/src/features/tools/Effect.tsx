import { IconBolt, IconCircleDashed, IconSearch } from '@/ui/icons'
import classes from './Tools.module.css'
import type { EffectName } from './servers'

const EFFECTS: Record<EffectName, { label: string; about: string; Icon: typeof IconBolt }> = {
  none: { label: 'touches nothing', about: 'A call leaves the outside as it is and asks nothing of it', Icon: IconCircleDashed },
  reads: { label: 'reads', about: 'A call asks the outside and leaves it as it is', Icon: IconSearch },
  changes: { label: 'changes', about: 'A call may change the outside: it is recorded before it is made, and the guard asks where data from outside is in it', Icon: IconBolt },
}

export const effectLabel = (effect: EffectName): string => EFFECTS[effect].label

/** What a call does to the outside: by shape, word and colour. */
export function Effect({ effect }: { effect: EffectName }) {
  const { label, about, Icon } = EFFECTS[effect]
  return (
    <span className={classes.effect} data-effect={effect} title={about}>
      <Icon size={14} aria-hidden />
      {label}
    </span>
  )
}
