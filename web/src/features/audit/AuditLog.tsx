import { Alert, Button, Group, Select, TextInput } from '@mantine/core'
import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { api, ask } from '@/api/client'
import type { AuditEntry } from '@/api/generated/schema'
import { cards } from '@/ui/cards'
import { count } from '@/ui/format'
import { RecordedValue } from '@/ui/JsonValue'
import { Moment } from '@/ui/moments'
import { Screen } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { failed } from '@/ui/toast'
import { person } from '@/ui/triggers'
import type { AuditSearch } from './search'

/** Who did what, and was refused what: in a project, or on the whole server. */
export function AuditLog({ project, search }: { project?: string; search: AuditSearch }) {
  const navigate = useNavigate()
  const set = (change: AuditSearch) => void navigate({ to: '.', search: { ...search, ...change }, replace: true })
  const query = useInfiniteQuery({
    queryKey: ['audit', project, search],
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET('/api/v1/audit', { params: { query: { ...(project ? { project } : {}), ...search, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
  })
  return (
    <Screen title="Audit" actions={<Actions search={{ ...(project ? { project } : {}), ...search }} />}>
      <Group gap="xs" role="search" aria-label="Filter the audit log">
        <Words label="Who" placeholder="Anybody, such as user:ana" words={search.actor ?? ''} onWords={(actor) => set({ actor: actor || undefined })} />
        <Words label="What" placeholder="Any act, such as task.run" words={search.verb ?? ''} onWords={(verb) => set({ verb: verb || undefined })} />
        <Select aria-label="Outcome" placeholder="Any outcome" data={['done', 'denied', 'failed']} clearable value={search.outcome ?? null} onChange={(outcome) => set({ outcome: (outcome as AuditSearch['outcome']) ?? undefined })} w={150} />
      </Group>
      <Answered query={query} rows={10}>
        {({ pages }) => {
          const entries = pages.flatMap((page) => page.items)
          if (entries.length === 0) return <Nothing onAll={() => void navigate({ to: '.', search: {}, replace: true })} />
          return (
            <>
              <Entries entries={entries} />
              {query.hasNextPage && (
                <Group>
                  <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    Show older entries
                  </Button>
                </Group>
              )}
            </>
          )
        }}
      </Answered>
    </Screen>
  )
}

/** A part of the filter that is written out: sought once it is left, or with Enter. */
function Words({ label, placeholder, words, onWords }: { label: string; placeholder: string; words: string; onWords: (words: string) => void }) {
  const [typed, setTyped] = useState(words)
  const [before, setBefore] = useState(words)
  if (words !== before) {
    setBefore(words)
    setTyped(words)
  }
  const seek = () => typed.trim() !== words && onWords(typed.trim())
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={typed}
      maxLength={200}
      onChange={({ currentTarget }) => setTyped(currentTarget.value)}
      onBlur={seek}
      onKeyDown={({ key }) => key === 'Enter' && seek()}
    />
  )
}

function Nothing({ onAll }: { onAll: () => void }) {
  return (
    <Empty
      title="No entry fits this filter"
      action={
        <Button variant="default" onClick={onAll}>
          Show all entries
        </Button>
      }
    >
      Persons and acts are written out in full, such as <code>user:ana</code> and <code>task.run</code>.
    </Empty>
  )
}

function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  const [open, setOpen] = useState<number | null>(null)
  return (
    <div className={table.wrap}>
      <table className={table.table} {...cards(['When', 'Who', 'What', 'On', 'Outcome'], true)}>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">On</th>
            <th scope="col">Outcome</th>
            <th scope="col">Detail</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.seq}>
              <td className={table.dim}>
                <Moment at={entry.at} as="absolute" />
              </td>
              <td>
                <bdi>{person(entry.actor)}</bdi>
              </td>
              <td>
                <code>{entry.verb}</code>
              </td>
              <td>
                <span className={table.clip} title={entry.name}>
                  {entry.noun} <bdi>{entry.name}</bdi>
                </span>
              </td>
              <td style={{ color: entry.outcome === 'done' ? undefined : 'var(--mantine-color-error)' }}>{entry.outcome}</td>
              <td>
                <Button size="compact-xs" variant="default" aria-expanded={open === entry.seq} aria-label={`${open === entry.seq ? 'Hide' : 'Show'} the detail of entry ${entry.seq}`} onClick={() => setOpen(open === entry.seq ? null : entry.seq)}>
                  {open === entry.seq ? 'Hide' : 'Show'}
                </Button>
                {open === entry.seq && <RecordedValue value={entry.detail} label={`Detail of entry ${entry.seq}`} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Actions({ search }: { search: AuditSearch & { project?: string } }) {
  const verify = useMutation({ mutationFn: () => ask(api.POST('/api/v1/audit/verify', { body: { expected_head: null } })), onError: failed })
  const given = Object.entries(search).filter((pair): pair is [string, string] => Boolean(pair[1]))
  return (
    <>
      {verify.data && (
        <Alert p="xs" color={verify.data.intact ? 'green' : 'red'} role="status">
          {verify.data.intact ? `Intact: ${count(verify.data.entries)} entries follow from each other` : `Entry ${verify.data.first_wrong} does not fit: ${verify.data.reason}`}
        </Alert>
      )}
      <Button variant="default" loading={verify.isPending} onClick={() => verify.mutate()}>
        Verify
      </Button>
      <Button variant="default" component="a" href={`/api/v1/audit/export?${new URLSearchParams(given)}`} download>
        Export, signed
      </Button>
    </>
  )
}
