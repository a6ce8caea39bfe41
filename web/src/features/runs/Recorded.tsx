import { Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { api, ask } from '@/api/client'
import type { JsonValue, TextPart } from '@/api/generated/schema'
import { bytes } from '@/ui/format'
import { IconDownload } from '@/ui/icons'
import { RecordedValue } from '@/ui/JsonValue'
import { Source } from '@/ui/Source'
import { Answered } from '@/ui/states'

/** Bytes of one page of a large value: what a browser shows without a pause. */
const PAGE = 2 ** 16

export type Side = 'input' | 'output'

interface RecordedProps {
  run: string
  /** A step, or a record below it. Null: the run itself. */
  path: string | null
  of?: Side
  value: JsonValue
  /** Bytes of a value that was left out; then it is read, in pages where it is large. */
  size: number | null | undefined
  label: string
}

/** A recorded value, whatever its size: at most one page of it is ever in the browser. */
export function Recorded({ run, path, of = 'output', value, size, label }: RecordedProps) {
  if (size === null || size === undefined) return <RecordedValue value={value} label={label} />
  return <Pages key={`${path} ${of}`} run={run} path={path} of={of} label={label} />
}

export const textPart = (run: string, path: string | null, of: Side, offset: number, limit: number, signal?: AbortSignal) =>
  ask(api.GET('/api/v1/runs/{run}/text', { params: { path: { run }, query: { path, of, offset, limit } }, signal: signal ?? null }))

function Pages({ run, path, of, label }: { run: string; path: string | null; of: Side; label: string }) {
  const [begins, setBegins] = useState<readonly number[]>([0])
  const offset = begins.at(-1) ?? 0
  const query = useQuery({
    queryKey: ['run', run, 'text', path, of, offset],
    queryFn: ({ signal }) => textPart(run, path, of, offset, PAGE, signal),
    staleTime: Infinity,
    gcTime: 30_000,
    placeholderData: (before) => before,
  })
  return (
    <Answered query={query} rows={4}>
      {(part) =>
        part.offset === 0 && part.next_offset === null ? (
          <RecordedValue value={JSON.parse(part.text) as JsonValue} label={label} />
        ) : (
          <>
            <Source text={part.text} label={label} wrapped />
            <Turning
              part={part}
              address={of === 'output' ? addressOf(run, path) : null}
              back={begins.length > 1 ? () => setBegins(begins.slice(0, -1)) : null}
              on={() => part.next_offset !== null && setBegins([...begins, part.next_offset])}
            />
          </>
        )
      }
    </Answered>
  )
}

interface TurningProps {
  part: TextPart
  address: string | null
  back: (() => void) | null
  on: () => void
}

function Turning({ part, address, back, on }: TurningProps) {
  return (
    <Group gap="xs" mt="xs" role="group" aria-label="Pages of a large value">
      <Button size="compact-sm" variant="default" disabled={back === null} onClick={back ?? undefined}>
        Back
      </Button>
      <Button size="compact-sm" variant="default" disabled={part.next_offset === null} onClick={on}>
        On
      </Button>
      <Text size="xs" c="dimmed" className="figures">
        {bytes(part.offset)} to {bytes(part.next_offset ?? part.size)} of {bytes(part.size)}
      </Text>
      {address && (
        <Button ms="auto" size="compact-sm" variant="subtle" component="a" href={address} download leftSection={<IconDownload size={13} aria-hidden />}>
          All of it
        </Button>
      )}
    </Group>
  )
}

const addressOf = (run: string, path: string | null): string =>
  `/api/v1/runs/${run}/output${path === null ? '' : `?${new URLSearchParams({ path })}`}`
