import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'

import { isStatus } from '@/api/client'
import type { AttachmentView, ThreadView } from '@/api/generated/schema'
import { IconChevronDown } from '@/ui/icons'
import { Screen } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { failed } from '@/ui/toast'
import { person } from '@/ui/triggers'
import { AgentChoice } from './AgentChoice'
import classes from './Chat.module.css'
import { Composer } from './Composer'
import { Desk, type DeskValue } from './desk'
import { useDraft } from './draft'
import { Message } from './Message'
import { useMine } from './mine'
import { filePart, type Part } from './parts'
import { attach, cancelAnswer, detach, editThread, filesQuery } from './queries'
import { Again, Refused } from './Refused'
import type { Turn } from './talk'
import { ToThreads } from './ToThreads'
import { ThreadActions, ThreadFacts } from './ThreadHead'
import { useTalk } from './useTalk'

/** How far from the end somebody may have scrolled and still be taken along, in pixels. */
const NEAR = 120

/** A thread: what was said, what is being said, and where to say more. */
export function ThreadPane({ project, thread }: { project: string; thread: ThreadView }) {
  const mine = useMine()(thread.owner)
  const { talk, query, messages, answer, refusal } = useTalk(project, thread.id, mine)
  const [draft, setDraft] = useDraft(thread.id)
  const client = useQueryClient()
  const { box, away, toEnd } = useFollowing(messages)
  const after = messages.at(-1)?.id
  const take = useCallback(
    async (turn: Turn) => {
      const taken = await talk.take(turn, Date.now(), after)
      // Another tab may have been first: what goes on there is followed here.
      if (!taken) void client.invalidateQueries({ queryKey: ['messages', project, thread.id] })
      return taken
    },
    [talk, client, project, thread.id, after],
  )
  const say = async (parts: readonly Part[], replaces?: string) => {
    toEnd()
    return take({ kind: 'say', parts, replaces })
  }
  const send = async () => {
    const sent = draft
    const words = draft.text.trim()
    const parts = [...(words ? [{ type: 'text', text: words }] : []), ...draft.files.map(filePart)]
    const taken = await say(parts)
    // What was typed on meanwhile stays.
    if (taken) setDraft((now) => (now === sent || now.text === sent.text ? { text: '', files: [] } : now))
  }
  const stop = useMutation({ mutationFn: () => cancelAnswer(project, thread.id), onError: failed })
  const files = useFiles(project, thread.id, setDraft)
  const choose = useMutation({
    mutationFn: (agent: string | null) => editThread(project, thread.id, { agent: agent ?? '' }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['threads', project] }),
    onError: failed,
  })
  const desk = useMemo<DeskValue>(
    () => ({
      project,
      thread: thread.id,
      mine,
      reread: () => void client.invalidateQueries({ queryKey: ['messages', project, thread.id] }),
    }),
    [project, thread.id, mine, client],
  )
  const last = messages.at(-1)
  return (
    <Screen
      title={thread.title ?? 'New conversation'}
      full
      beside={<ThreadFacts thread={thread} mine={mine} />}
      actions={<ThreadActions project={project} thread={thread} mine={mine} onSay={(text) => void say([{ type: 'text', text }])} busy={answer !== null} />}
    >
      <ToThreads project={project} />
      <Desk value={desk}>
        <div className={classes.messages} ref={box} tabIndex={0} role="region" aria-label="What was said">
          <Answered query={{ ...query, data: query.data ? messages : undefined }} rows={8}>
            {(shown) => (
              <>
                {query.hasNextPage && (
                  <Button variant="subtle" size="compact-sm" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    Show what was said before
                  </Button>
                )}
                {shown.map((message) => (
                  <Message
                    key={message.id}
                    message={message}
                    owner={thread.owner}
                    live={answer !== null && message === last ? answer : null}
                    last={message === last}
                    busy={answer !== null}
                    onEdit={(text, kept) => say([{ type: 'text', text }, ...kept], message.id)}
                    onAgain={() => void take({ kind: 'again', message: message.id })}
                    onClick={(parts) => void take({ kind: 'click', message: message.id, parts })}
                  />
                ))}
              </>
            )}
          </Answered>
        </div>
      </Desk>
      <div className={classes.foot}>
        {away && (
          <Button className={classes.toEnd} size="compact-sm" variant="default" leftSection={<IconChevronDown size={14} aria-hidden />} onClick={toEnd}>
            To the end
          </Button>
        )}
        {refusal && (
          <Refused error={refusal.error} what={isStatus(refusal.error, 409) ? 'Not now' : 'It was not sent'} close={talk.dismiss}>
            {refusal.turn.kind !== 'say' && <Again onClick={() => void take(refusal.turn)} />}
          </Refused>
        )}
        {mine ? (
          <Composer
            project={project}
            draft={draft}
            onDraft={setDraft}
            busy={answer !== null}
            onSend={() => void send()}
            onStop={answer ? () => stop.mutate() : undefined}
            onFiles={files.add}
            onDetach={files.remove}
            sending={files.sending}
            aside={<AgentChoice project={project} agent={thread.agent} onChoose={(agent) => choose.mutate(agent)} />}
          />
        ) : (
          <p className={classes.reading}>
            {person(thread.owner)} shares this conversation; only {person(thread.owner)} talks in it. Questions of runs are answered in the{' '}
            <Link to="/p/$project/inbox" params={{ project }}>
              inbox
            </Link>
            .
          </p>
        )}
      </div>
    </Screen>
  )
}

/** Files on their way to the thread, and those that are taken away again. */
function useFiles(project: string, thread: string, setDraft: ReturnType<typeof useDraft>[1]) {
  const [sending, setSending] = useState<readonly string[]>([])
  const client = useQueryClient()
  const told = () => void client.invalidateQueries({ queryKey: filesQuery(project, thread).queryKey })
  const add = async (files: readonly File[]) => {
    setSending((before) => [...before, ...files.map(({ name }) => name)])
    for (const file of files) {
      try {
        const kept = await attach(project, thread, file)
        setDraft((before) => ({ ...before, files: [...before.files, kept] }))
      } catch (error) {
        failed(error)
      }
      setSending((before) => before.toSpliced(before.indexOf(file.name), 1))
    }
    told()
  }
  const remove = async (file: AttachmentView) => {
    setDraft((before) => ({ ...before, files: before.files.filter(({ id }) => id !== file.id) }))
    try {
      await detach(file.id)
    } catch (error) {
      if (!isStatus(error, 404)) failed(error)
    }
    told()
  }
  return { sending, add: (files: readonly File[]) => void add(files), remove: (file: AttachmentView) => void remove(file) }
}

/** Keeps the end in sight while an answer grows, unless somebody reads further up. */
function useFollowing(messages: unknown) {
  const box = useRef<HTMLDivElement>(null)
  const near = useRef(true)
  const [away, setAway] = useState(false)
  const toEnd = useCallback(() => {
    near.current = true
    setAway(false)
    if (box.current) box.current.scrollTop = box.current.scrollHeight
  }, [])
  useEffect(() => {
    const element = box.current
    if (!element) return
    const look = () => {
      near.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR
      setAway(!near.current)
    }
    element.addEventListener('scroll', look, { passive: true })
    // Cards and Markdown grow after they are drawn.
    const grown = new ResizeObserver(() => {
      if (near.current) element.scrollTop = element.scrollHeight
      else look()
    })
    grown.observe(element)
    for (const child of element.children) grown.observe(child)
    return () => {
      element.removeEventListener('scroll', look)
      grown.disconnect()
    }
  }, [messages])
  return { box, away, toEnd }
}
