import { useCallback, useEffect, useState } from 'react'

import { type Draft, drafts } from '@/api/drafts'

const AUTOSAVE_MS = 500

/**
 * The draft of a task: kept in this browser while it is written, until it is published or thrown away. `stored` is what
 * the server has; a draft that began with an older version goes on, and storing it will be refused, which is told.
 */
export function useDraft(project: string, task: string, stored: Draft) {
  const [draft, setDraft] = useState<Draft>(() => drafts.kept(project, task) ?? { text: stored.text, base: stored.base })
  const [past, setPast] = useState<string[]>([])
  /** When the browser has kept what is shown. Null: not yet. */
  const [keptAt, setKeptAt] = useState<number | null>(null)
  const changed = draft.text !== stored.text
  useEffect(() => {
    const timer = setTimeout(() => {
      if (changed) drafts.keep(project, task, draft)
      else drafts.forget(project, task)
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
      drafts.forget(project, task)
      setPast([])
      setDraft({ text: now.text, base: now.base })
    },
    [project, task],
  )
  return { draft, changed, keptAt, write, change, undo, canUndo: past.length > 0, reset }
}
