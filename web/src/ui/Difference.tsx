import { Text } from '@mantine/core'
import { diffLines } from 'diff'

import classes from './Difference.module.css'

interface DifferenceProps {
  before: string
  after: string
  label: string
}

/** Lines that were added and removed, with three lines around each. */
export function Difference({ before, after, label }: DifferenceProps) {
  const lines = changedLines(before, after)
  if (lines.length === 0)
    return (
      <Text size="sm" c="dimmed">
        They are the same.
      </Text>
    )
  return (
    <pre className={classes.diff} tabIndex={0} aria-label={label}>
      {lines.map(({ part, text }, place) => (
        <span key={place} data-part={part}>
          {{ added: '+ ', removed: '- ', same: '  ' }[part]}
          {text}
        </span>
      ))}
    </pre>
  )
}

type Part = 'added' | 'removed' | 'same'
const AROUND = 3

export function changedLines(before: string, after: string): { part: Part; text: string }[] {
  const lines = diffLines(before, after).flatMap(({ added, removed, value }) =>
    value
      .replace(/\n$/, '')
      .split('\n')
      .map((text) => ({ part: (added ? 'added' : removed ? 'removed' : 'same') as Part, text })),
  )
  const changed = lines.flatMap(({ part }, place) => (part === 'same' ? [] : [place]))
  return lines.filter((_, place) => changed.some((near) => Math.abs(near - place) <= AROUND))
}
