import { useEffect, useRef } from 'react'

const WRITING = 'input:not([type=checkbox]), textarea, select, [contenteditable=true], [role=combobox], [role=dialog] *, [role=menu] *'

/**
 * Rows of the screen's list by keyboard: `j` and `k` go down and up, `Enter` opens, `x` chooses. `act` is told of every other
 * letter, with the row's `data-id`.
 */
export function useRowKeys(act?: (key: string, id: string) => void): void {
  const told = useRef(act)
  useEffect(() => {
    told.current = act
  }, [act])
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const { key, target } = event
      if (event.ctrlKey || event.metaKey || event.altKey || !/^[a-z]$/.test(key)) return
      if (target instanceof Element && target.matches(WRITING)) return
      if (document.querySelector('[role=dialog]')) return
      const rows = [...document.querySelectorAll<HTMLElement>('main tbody tr[data-id]')]
      const place = rows.findIndex((row) => row.contains(document.activeElement))
      if (key === 'j' || key === 'k') {
        const next = rows[key === 'j' ? Math.min(place + 1, rows.length - 1) : Math.max(place - 1, 0)]
        next?.querySelector('a')?.focus({ preventScroll: true })
        next?.scrollIntoView({ block: 'nearest' })
        return
      }
      const row = rows[place]
      if (key === 'x') row?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click()
      else if (row?.dataset.id) told.current?.(key, row.dataset.id)
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [])
}
