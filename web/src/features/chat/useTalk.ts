import { useInfiniteQuery, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useSyncExternalStore } from 'react'

import type { MessageView } from '@/api/generated/schema'
import { noteFailure } from '@/api/queries'
import { session } from '@/api/session'
import { follow, messagesQuery, send } from './queries'
import { Talk, withAnswer } from './talk'

/** The talks of this page, by thread: what is on its way outlives a look at another screen. */
const talks = new Map<string, Talk>()

export function talkOf(client: QueryClient, project: string, thread: string): Talk {
  const known = talks.get(thread)
  if (known) return known
  const noted = async <Value>(asked: Promise<Value>): Promise<Value> => {
    try {
      const came = await asked
      session.reached()
      return came
    } catch (error) {
      noteFailure(error)
      throw error
    }
  }
  const reread = async (): Promise<readonly MessageView[]> => {
    const query = messagesQuery(project, thread)
    await client.cancelQueries({ queryKey: query.queryKey, exact: true })
    const { pages } = await client.fetchInfiniteQuery({ ...query, staleTime: 0, retry: false })
    void client.invalidateQueries({ queryKey: ['threads', project] })
    return pages[0]?.items ?? []
  }
  const talk = new Talk({
    send: (turn, signal) => noted(send(project, thread, turn, signal)),
    follow: (signal) => noted(follow(project, thread, signal)),
    reread: () => noted(reread()),
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    soon: (act) => void (document.hidden ? setTimeout(act, 50) : requestAnimationFrame(act)),
  })
  talks.set(thread, talk)
  return talk
}

/** A thread's messages with what is on its way, kept up to date. */
export function useTalk(project: string, thread: string, mine: boolean) {
  const client = useQueryClient()
  const talk = useMemo(() => talkOf(client, project, thread), [client, project, thread])
  const query = useInfiniteQuery({
    ...messagesQuery(project, thread),
    // Nobody tells a reader of somebody else's thread that it goes on.
    refetchInterval: mine ? false : 4000,
  })
  const { answer, refusal } = useSyncExternalStore(talk.subscribe, talk.get)
  const read = useMemo(() => query.data?.pages.toReversed().flatMap((page) => page.items), [query.data])
  const last = read?.at(-1)
  useEffect(() => {
    if (last) talk.join([last], Date.now())
  }, [talk, last])
  useEffect(() => () => talk.leave(), [talk])
  const messages = useMemo(() => withAnswer(read ?? [], answer), [read, answer])
  return { talk, query, messages, answer, refusal }
}
