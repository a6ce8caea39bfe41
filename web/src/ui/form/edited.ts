import { useState } from 'react'

export interface Edited<Stored, Fields> {
  fields: Fields
  set: (part: Partial<Fields>) => void
  /** What the fields began with. */
  base: Stored
  /** Something was typed that is not kept. */
  changed: boolean
  /** The server has another one by now than the one that is edited. */
  behind: boolean
  /** Begin again with this one. */
  restart: (stored: Stored) => void
}

/** The fields of a thing that is edited. While nothing was typed they follow the server; then they stay. */
export function useEdited<Stored, Fields extends object>(
  stored: Stored,
  fieldsOf: (stored: Stored) => Fields,
  mark: (stored: Stored) => string,
): Edited<Stored, Fields> {
  const [base, setBase] = useState(stored)
  const [fields, setFields] = useState(() => fieldsOf(stored))
  const changed = JSON.stringify(fields) !== JSON.stringify(fieldsOf(base))
  const restart = (from: Stored) => {
    setBase(from)
    setFields(fieldsOf(from))
  }
  const other = mark(stored) !== mark(base)
  if (other && !changed) restart(stored)
  return {
    fields,
    base,
    changed,
    behind: other && changed,
    set: (part) => setFields((before) => ({ ...before, ...part })),
    restart,
  }
}
