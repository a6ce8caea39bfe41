import { Button, Text } from '@mantine/core'
import { useState } from 'react'

import type { JsonValue } from '@/api/generated/schema'
import { bytes } from './format'
import { Source } from './Source'

const PAGE = 20_000

/** A value as it was recorded: a text as text, everything else as JSON, long ones in pages. */
export function RecordedValue({ value, label, size }: { value: JsonValue; label: string; size?: number | null }) {
  const [shown, setShown] = useState(PAGE)
  if (size) return <Text size="sm" c="dimmed">{bytes(size)}: too much to show here; the run itself shows it in pages.</Text>
  if (value === null || value === undefined) return <Text size="sm" c="dimmed">Nothing.</Text>
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return (
    <>
      <Source text={text.slice(0, shown)} label={label} wrapped />
      {text.length > shown && (
        <Button mt="xs" size="compact-sm" variant="default" onClick={() => setShown(shown + PAGE * 5)}>
          Show more ({bytes(text.length - shown)} left)
        </Button>
      )}
    </>
  )
}
