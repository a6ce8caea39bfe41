import { useState } from 'react'

/** Which rows of a table are chosen, by their id. */
export interface Selection {
  chosen: ReadonlySet<string>
  toggle: (id: string) => void
  /** Choose all of these, or none of them. */
  put: (ids: readonly string[], on: boolean) => void
  clear: () => void
}

export function useSelection(): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const put = (ids: readonly string[], on: boolean) =>
    setChosen((before) => {
      const after = new Set(before)
      for (const id of ids) if (on) after.add(id); else after.delete(id)
      return after
    })
  return {
    chosen,
    toggle: (id) => setChosen((before) => toggled(before, id)),
    put,
    clear: () => setChosen(new Set()),
  }
}

function toggled(before: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const after = new Set(before)
  if (!after.delete(id)) after.add(id)
  return after
}
