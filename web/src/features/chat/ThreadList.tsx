import { Button, CloseButton, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import type { ThreadView } from '@/api/generated/schema'
import { IconPlus, IconSearch, IconUsers } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { Answered } from '@/ui/states'
import { person } from '@/ui/triggers'
import classes from './Chat.module.css'
import { useMine } from './mine'
import { threadsQuery } from './queries'

interface ThreadListProps {
  project: string
  chosen: string | null
  /** Words that are sought. */
  q: string
  /** It is what was gone to, where there is room for one thing alone. */
  alone?: true | undefined
}

/** The conversations of the reader, and those that others share. */
export function ThreadList({ project, chosen, q, alone }: ThreadListProps) {
  const query = useInfiniteQuery(threadsQuery(project, q))
  const isMine = useMine()
  const threads = query.data?.pages.flatMap((page) => page.items)
  return (
    <nav className={classes.list} aria-label="Conversations">
      <div className={classes.listHead}>
        <Title order={alone ? 1 : 2} size="h2">
          Conversations
        </Title>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          renderRoot={(props) => <Link to="/p/$project/chat" params={{ project }} {...props} />}
        >
          New
        </Button>
      </div>
      <Search q={q} />
      <Answered query={{ ...query, data: threads }} rows={5}>
        {(found) => {
          const mine = found.filter(({ owner }) => isMine(owner))
          const others = found.filter(({ owner }) => !isMine(owner))
          return (
            <div className={classes.threads}>
              {found.length === 0 && (
                <Text size="sm" c="dimmed" px={12}>
                  {q ? 'No title and no message holds these words.' : 'What you talk about is listed here, for you alone until you share it.'}
                </Text>
              )}
              <Group project={project} label="Mine" threads={mine} chosen={chosen} q={q} />
              <Group project={project} label="Shared with me" threads={others} chosen={chosen} q={q} />
              {query.hasNextPage && (
                <Button variant="subtle" size="compact-sm" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  Show older ones
                </Button>
              )}
            </div>
          )
        }}
      </Answered>
    </nav>
  )
}

function Search({ q }: { q: string }) {
  const [typed, setTyped] = useState(q)
  const navigate = useNavigate()
  const seek = useDebouncedCallback((words: string) => void navigate({ to: '.', search: (before) => ({ ...before, q: words || undefined }), replace: true }), 250)
  const [before, setBefore] = useState(q)
  if (q !== before) {
    setBefore(q)
    // Another link has led away from what was sought.
    if (q === '') setTyped('')
  }
  const type = (words: string) => {
    setTyped(words)
    seek(words)
  }
  return (
    <TextInput
      size="xs"
      aria-label="Search conversations"
      placeholder="Words in titles and messages"
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={typed && <CloseButton size="xs" aria-label="Clear the search" onClick={() => type('')} />}
      value={typed}
      maxLength={200}
      onChange={({ currentTarget }) => type(currentTarget.value)}
    />
  )
}

interface GroupProps {
  project: string
  label: string
  threads: readonly ThreadView[]
  chosen: string | null
  q: string
}

function Group({ project, label, threads, chosen, q }: GroupProps) {
  if (threads.length === 0) return null
  const foreign = label !== 'Mine'
  return (
    <section aria-label={label}>
      <h3 className={classes.group}>{label}</h3>
      <ul className={classes.items}>
        {threads.map((thread) => (
          <li key={thread.id}>
            <Link
              to="/p/$project/chat/$thread"
              params={{ project, thread: thread.id }}
              search={{ q: q || undefined }}
              className={classes.item}
              data-selected={thread.id === chosen || undefined}
              aria-current={thread.id === chosen ? 'page' : undefined}
            >
              <span className={classes.itemTitle}>
                <bdi>{thread.title ?? 'Nothing said yet'}</bdi>
                {thread.shared && !foreign && <IconUsers size={13} aria-label="shared" role="img" />}
              </span>
              <span className={classes.itemAbout}>
                {foreign && <>{person(thread.owner)} · </>}
                <Moment at={thread.active_at} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}
