import { useCallback, useEffect, useState } from 'react'

/** A file that is being edited, and the version it began with. */
export interface Draft {
  text: string
  /** Number and ETag of the version that was edited. Null: a new task. */
  base: { version: number; tag: string } | null
}

const key = (project: string, task: string) => `errands.draft.${project}.${task}`
const AUTOSAVE_MS = 500

function kept(project: string, task: string): Draft | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key(project, task)) ?? 'null')
    return found !== null && typeof found === 'object' && 'text' in found ? (found as Draft) : null
  } catch {
    return null
  }
}

/**
 * The draft of a task: kept in this browser while it is written, until it is published or thrown away. `stored` is what
 * the server has; a draft that began with an older version goes on, and storing it will be refused, which is told.
 */
export function useDraft(project: string, task: string, stored: Draft) {
  const [draft, setDraft] = useState<Draft>(() => kept(project, task) ?? { text: stored.text, base: stored.base })
  const [past, setPast] = useState<string[]>([])
  /** When the browser has kept what is shown. Null: not yet. */
  const [keptAt, setKeptAt] = useState<number | null>(null)
  const changed = draft.text !== stored.text
  useEffect(() => {
    const timer = setTimeout(() => {
      if (changed) localStorage.setItem(key(project, task), JSON.stringify(draft))
      else localStorage.removeItem(key(project, task))
      setKeptAt(changed ? Date.now() : null)
    }, AUTOSAVE_MS)
    return () => clearTimeout(timer)
  }, [project, task, draft, changed])
  const write = useCallback((text: string) => {
    setDraft((before) => (before.text === text ? before : { ...before, text }))
    setKeptAt(null)
  }, [])
  /** A change by a form or a key: it can be taken back. */
  const change = useCallback(
    (text: string) => {
      setPast((before) => [...before.slice(-99), draft.text])
      write(text)
    },
    [draft.text, write],
  )
  const undo = useCallback(() => {
    const last = past.at(-1)
    if (last === undefined) return
    setPast((before) => before.slice(0, -1))
    write(last)
  }, [past, write])
  const reset = useCallback(
    (now: Draft) => {
      localStorage.removeItem(key(project, task))
      setPast([])
      setDraft({ text: now.text, base: now.base })
    },
    [project, task],
  )
  return { draft, changed, keptAt, write, change, undo, canUndo: past.length > 0, reset }
}
