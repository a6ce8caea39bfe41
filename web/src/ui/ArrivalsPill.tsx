import { Button } from '@mantine/core'

import classes from './ArrivalsPill.module.css'
import { plural } from './format'
import { IconArrowUp } from './icons'

/** Says that rows have come above those that are shown, and brings them in. */
export function ArrivalsPill({ fresh, noun, onShow }: { fresh: number; noun: string; onShow: () => void }) {
  return (
    <div className={classes.place} role="status">
      {fresh > 0 && (
        <Button size="compact-sm" radius="xl" leftSection={<IconArrowUp size={13} aria-hidden />} className={classes.pill} onClick={onShow}>
          {plural(fresh, `new ${noun}`)}
        </Button>
      )}
    </div>
  )
}
