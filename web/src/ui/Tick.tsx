import { useEffect, useRef } from 'react'

import classes from './Tick.module.css'

interface TickProps {
  label: string
  checked: boolean
  /** Some of what it stands for is chosen. */
  some?: boolean
  onChange: (checked: boolean) => void
}

/** A box to choose a row by: the browser's own, because a list has hundreds of them. */
export function Tick({ label, checked, some = false, onChange }: TickProps) {
  const box = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (box.current) box.current.indeterminate = some
  }, [some])
  return (
    <input
      ref={box}
      type="checkbox"
      className={classes.tick}
      aria-label={label}
      checked={checked}
      onChange={({ currentTarget }) => onChange(currentTarget.checked)}
    />
  )
}
