import { Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { Screen } from '@/ui/Screen'
import { Empty } from '@/ui/states'
import { failed } from '@/ui/toast'
import { AgentChoice } from './AgentChoice'
import classes from './Chat.module.css'
import { Composer } from './Composer'
import { keep, useDraft } from './draft'
import { attach, commandsQuery, createThread } from './queries'
import { filePart } from './parts'
import { Refused } from './Refused'
import { ToThreads } from './ToThreads'
import { talkOf } from './useTalk'

const FIRST = ['new', 'tasks', 'runs', 'run', 'schedule', 'help']

/** An empty conversation: what can be said, and the first words. The thread is made when they are sent. */
export function NewThread({ project, may }: { project: string; may: boolean }) {
  const place = `new ${project}`
  const [draft, setDraft] = useDraft(place)
  const [agent, setAgent] = useState<string | null>(null)
  const { data: commands = [] } = useQuery(commandsQuery)
  const client = useQueryClient()
  const navigate = useNavigate()
  const go = (thread: string) => navigate({ to: '/p/$project/chat/$thread', params: { project, thread }, replace: false })
  const begin = useMutation({
    mutationFn: () => createThread(project, agent),
    onSuccess: async ({ id }) => {
      const said = draft.text.trim()
      // Until the server has taken it, it lies in the thread's own draft.
      keep(id, draft)
      keep(place, { text: '', files: [] })
      const parts = [...(said ? [{ type: 'text', text: said }] : []), ...draft.files.map(filePart)]
      const taken = await talkOf(client, project, id).take({ kind: 'say', parts }, Date.now())
      if (taken) keep(id, { text: '', files: [] })
      await go(id)
    },
  })
  const attachFirst = useMutation({
    mutationFn: async (files: readonly File[]) => {
      const { id } = await createThread(project, agent)
      const kept = []
      for (const file of files) {
        try {
          kept.push(await attach(project, id, file))
        } catch (error) {
          failed(error)
        }
      }
      return { id, kept }
    },
    onSuccess: async ({ id, kept }) => {
      keep(id, { text: draft.text, files: kept })
      keep(place, { text: '', files: [] })
      await go(id)
    },
    onError: failed,
  })
  if (!may) {
    return (
      <Screen title="Chat">
        <Empty title="You may read shared conversations here, not begin one">An owner of the project can give you the role of a viewer or more.</Empty>
      </Screen>
    )
  }
  return (
    <Screen title="Chat" full>
      <ToThreads project={project} />
      <div className={classes.start}>
        <Text c="dimmed">
          Say what should happen, try it, and make a task of it. Nothing is published, deleted, granted or answered without your click. These
          need no model:
        </Text>
        <ul className={classes.hints} aria-label="Commands to begin with">
          {commands
            .filter(({ name }) => FIRST.includes(name))
            .toSorted((one, other) => FIRST.indexOf(one.name) - FIRST.indexOf(other.name))
            .map(({ name, usage, about }) => (
              <li key={name}>
                <button
                  type="button"
                  className={classes.hint}
                  onClick={() => {
                    setDraft((before) => ({ ...before, text: usage.includes(' ') ? `/${name} ` : `/${name}` }))
                    document.getElementById(COMPOSER)?.focus()
                  }}
                >
                  <code>{usage}</code>
                  <span>{about}</span>
                </button>
              </li>
            ))}
        </ul>
      </div>
      <div className={classes.foot}>
        {begin.error && <Refused error={begin.error} what="The conversation was not begun" close={begin.reset} />}
        <Composer
          id={COMPOSER}
          first
          project={project}
          draft={draft}
          onDraft={setDraft}
          busy={begin.isPending || attachFirst.isPending}
          onSend={() => begin.mutate()}
          onFiles={(files) => attachFirst.mutate(files)}
          onDetach={() => undefined}
          aside={<AgentChoice project={project} agent={agent} onChoose={setAgent} />}
        />
      </div>
    </Screen>
  )
}

const COMPOSER = 'first-words'
