import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'

import { meQuery } from './queries'
import { session } from './session'

/** What of the cache is out of date when a thing of this noun has changed; of others, everything under their name. */
const STALE: Record<string, readonly string[]> = {
  run: ['runs', 'occurrences', 'overview'],
  approval: ['approvals'],
  task: ['tasks', 'triggers', 'missed'],
  trigger: ['triggers', 'occurrences', 'missed'],
  backfill: ['backfills', 'runs'],
  calendar: ['calendars', 'triggers'],
  secret: ['secrets'],
  member: ['members', 'project'],
}
const NOT_SOONER_MS = 400
/** Of figures over thousands of runs, which nobody reads to the second. */
const FIGURES_NOT_SOONER_MS = 5000

/**
 * Marks kinds of what is cached as out of date, and has what is shown read again: many runs that end at once make one look
 * at the list, not hundreds, and the next look waits until the one before has come, and as long again.
 */
function refresher(client: QueryClient, pauseMs: number) {
  const stale = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let busy = false
  const read = async () => {
    timer = undefined
    busy = true
    const kinds = new Set(stale)
    stale.clear()
    const began = performance.now()
    await client.invalidateQueries({ predicate: ({ queryKey }) => kinds.has(String(queryKey[0])) }).catch(() => undefined)
    busy = false
    if (stale.size > 0) timer = setTimeout(read, Math.max(pauseMs, performance.now() - began))
  }
  return {
    note: (kind: string) => {
      stale.add(kind)
      if (!busy) timer ??= setTimeout(read, pauseMs)
    },
    stop: () => {
      clearTimeout(timer)
      stale.clear()
    },
  }
}

/** Keeps every list of the project as it is on the server. */
export function useProjectChanges(project: string): void {
  const client = useQueryClient()
  useEffect(() => {
    const lists = refresher(client, NOT_SOONER_MS)
    const figures = refresher(client, FIGURES_NOT_SOONER_MS)
    const note = (noun: string) => {
      for (const kind of STALE[noun] ?? [noun, `${noun}s`]) (kind === 'overview' ? figures : lists).note(kind)
    }
    const source = new EventSource(`/api/v1/projects/${encodeURIComponent(project)}/events`)
    source.addEventListener('run', (event: MessageEvent<string>) => {
      note('run')
      if ((JSON.parse(event.data) as { status: string }).status !== 'queued') note('approval')
    })
    source.addEventListener('changed', (event: MessageEvent<string>) =>
      note((JSON.parse(event.data) as { noun: string }).noun),
    )
    const all = () => void client.invalidateQueries()
    source.addEventListener('lost', all)
    let began = false
    source.addEventListener('open', () => {
      // What happened while the connection was away is not told.
      if (began) all()
      began = true
    })
    watch(source, () => void client.invalidateQueries({ queryKey: meQuery.queryKey }))
    return () => {
      source.close()
      lists.stop()
      figures.stop()
    }
  }, [client, project])
}

/** Tells the page whether the server is reached. `refused` is called where the stream will not come back by itself. */
export function watch(source: EventSource, refused: () => void): void {
  source.addEventListener('open', () => session.reached())
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) refused()
    else session.lost()
  })
}
