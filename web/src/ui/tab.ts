import { useEffect } from 'react'

import icon from '../icon.svg?raw'
import { type Outcome, OUTCOMES, outcomeName } from './outcomes'

/** Strokes of a shape for each outcome, drawn in the corner of the tab's icon: colour is never alone. */
const SHAPES: Record<Outcome, string> = {
  succeeded: 'm20 23.5 2.5 2.5 4.5-5',
  running: 'm21.5 20 5 3.5-5 3.5z',
  waiting: 'M21.5 20.5v6M25.5 20.5v6',
  queued: 'M20 23.5h.1M23.5 23.5h.1M27 23.5h.1',
  skipped: 'm20.5 20.5 3 3-3 3M26.5 20.5v6',
  failed: 'm21 21 5 5M26 21l-5 5',
  timed_out: 'M23.5 20v4M23.5 27h.1',
  cancelled: 'M20.5 23.5h6',
}

/** What the browser's tab says: the thing that is shown, and how it stands where it is something that has an outcome. */
export function useTab(title: string, outcome?: string): void {
  const status = outcome === undefined ? undefined : outcomeName(outcome)
  useEffect(() => {
    document.title = [status && OUTCOMES[status].label, title, 'Errands'].filter(Boolean).join(' · ')
  }, [title, status])
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    if (!status || !link) return
    const own = link.href
    link.href = marked(status)
    return () => void (link.href = own)
  }, [status])
}

function marked(status: Outcome): string {
  const color = getComputedStyle(document.documentElement).getPropertyValue(`--outcome-${status}`).trim()
  const mark = `<circle cx="23.5" cy="23.5" r="8" fill="#fff"/><circle cx="23.5" cy="23.5" r="7" fill="${color}"/>`
  const shape = `<path d="${SHAPES[status]}" fill="none" stroke="#fff" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>`
  return `data:image/svg+xml,${encodeURIComponent(icon.replace('</svg>', `${mark}${shape}</svg>`))}`
}
