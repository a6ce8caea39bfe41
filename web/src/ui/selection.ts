import { useCallback, useMemo, useState } from 'react'

/** Which rows of a table are chosen, by their id. What changes it stays the same, so that rows need not be drawn anew. */
export interface Selection {
  chosen: ReadonlySet<string>
  toggle: (id: string) => void
  /** Choose all of these, or none of them. */
  put: (ids: readonly string[], on: boolean) => void
  clear: () => void
}

export function useSelection(): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const toggle = useCallback((id: string) => setChosen((before) => toggled(before, id)), [])
  const put = useCallback((ids: readonly string[], on: boolean) => setChosen((before) => withAll(before, ids, on)), [])
  const clear = useCallback(() => setChosen(new Set()), [])
  return useMemo(() => ({ chosen, toggle, put, clear }), [chosen, toggle, put, clear])
}

function withAll(before: ReadonlySet<string>, ids: readonly string[], on: boolean): ReadonlySet<string> {
  const after = new Set(before)
  for (const id of ids) {
    if (on) after.add(id)
    else after.delete(id)
  }
  return after
}

function toggled(before: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const after = new Set(before)
  if (!after.delete(id)) after.add(id)
  return after
}
