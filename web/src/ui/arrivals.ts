import { useState } from 'react'

interface Arrivals<Row> {
  /** The rows without those that have come while the pointer was over them: nothing moves away under it. */
  shown: readonly Row[]
  /** How many have come meanwhile. */
  fresh: number
  show: () => void
  /** For what stands around the rows. */
  holding: { onPointerEnter: () => void; onPointerLeave: () => void }
}

/** New rows of a list, the newest first: they come by themselves, but not under the pointer. */
export function useArrivals<Row extends { id: string }>(rows: readonly Row[]): Arrivals<Row> {
  const [newest, setNewest] = useState<string | null>(null)
  const fresh = newest === null ? 0 : Math.max(rows.findIndex(({ id }) => id === newest), 0)
  return {
    shown: fresh > 0 ? rows.slice(fresh) : rows,
    fresh,
    show: () => setNewest(rows[0]?.id ?? null),
    holding: { onPointerEnter: () => setNewest(rows[0]?.id ?? null), onPointerLeave: () => setNewest(null) },
  }
}
