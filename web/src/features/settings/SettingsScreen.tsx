import { Badge, Button, Group, MultiSelect, PasswordInput, Select, Stack, Text, TextInput, VisuallyHidden } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { api, ask, sentence } from '@/api/client'
import type { PersonView, Scope } from '@/api/generated/schema'
import { meQuery } from '@/api/queries'
import { cards } from '@/ui/cards'
import { Confirm } from '@/ui/Confirm'
import { browserOf } from '@/ui/format'
import { Moment } from '@/ui/moments'
import { Screen, Section } from '@/ui/Screen'
import { Source } from '@/ui/Source'
import { Answered } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { done, failed } from '@/ui/toast'
import { ThisProject } from './ThisProject'
import { ThisServer } from './ThisServer'

const ZONES = Intl.supportedValuesOf('timeZone')
const SCOPES: { value: Scope; label: string }[] = [
  { value: 'read', label: 'read: look at everything' },
  { value: 'run', label: 'run: start, cancel, rerun' },
  { value: 'answer', label: 'answer: approvals' },
  { value: 'edit', label: 'edit: tasks, triggers' },
  { value: 'manage', label: 'manage: members, secrets' },
  { value: 'audit', label: 'audit: the log and figures' },
  { value: 'admin', label: 'admin: the server' },
]
const LIVES = [
  { value: '7d', label: '7 days' },
  { value: '90d', label: '90 days' },
  { value: '365d', label: 'A year' },
]

const route = getRouteApi('/inside/p/$project/settings')

/** The reader's own account: name, zone, password, tokens and sessions; then what holds for the project and the server. */
export function SettingsScreen() {
  const { project } = route.useParams()
  const me = useQuery(meQuery)
  return (
    <Screen title="Settings">
      <Answered query={me}>{(person) => <Profile key={person.id} person={person} />}</Answered>
      <Tokens />
      <Sessions />
      {me.data?.has_password && <Password />}
      <ThisProject project={project} />
      {me.data?.server_role === 'admin' && <ThisServer />}
    </Screen>
  )
}

function Profile({ person }: { person: PersonView }) {
  const [title, setTitle] = useState(person.title ?? '')
  const [email, setEmail] = useState(person.email ?? '')
  const [timezone, setTimezone] = useState(person.timezone)
  const client = useQueryClient()
  const edit = useMutation({
    mutationFn: () => ask(api.PUT('/api/v1/me', { body: { title: title || null, email: email || null, timezone } })),
    onSuccess: () => {
      done('Saved')
      void client.invalidateQueries({ queryKey: meQuery.queryKey })
    },
    onError: failed,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    edit.mutate()
  }
  return (
    <Section title="You">
      <form onSubmit={submit}>
        <Stack gap="sm" maw={420}>
          <TextInput label="Shown as" value={title} maxLength={200} onChange={({ currentTarget }) => setTitle(currentTarget.value)} autoComplete="name" />
          <TextInput label="Mail" type="email" value={email} maxLength={200} onChange={({ currentTarget }) => setEmail(currentTarget.value)} autoComplete="email" />
          <Select label="Time zone" description="Moments are shown in it" placeholder="Like this browser" data={ZONES} value={timezone} onChange={setTimezone} searchable clearable limit={40} />
          <Group>
            <Button type="submit" loading={edit.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}

const tokensKey = ['tokens'] as const

function Tokens() {
  const query = useQuery({ queryKey: tokensKey, queryFn: ({ signal }) => ask(api.GET('/api/v1/tokens', { signal })) })
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<Scope[]>(['read'])
  const [life, setLife] = useState<string | null>('90d')
  const [revoking, setRevoking] = useState<{ id: string; name: string } | null>(null)
  const client = useQueryClient()
  const make = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/tokens', { body: { name, scopes, expires_in: life, projects: null, person: null } })),
    onSuccess: () => {
      setName('')
      void client.invalidateQueries({ queryKey: tokensKey })
    },
    onError: failed,
  })
  const revoke = async (id: string) => {
    await ask(api.DELETE('/api/v1/tokens/{token}', { params: { path: { token: id } } }))
    await client.invalidateQueries({ queryKey: tokensKey })
    done('The token works no longer')
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <Section title="Tokens for programs">
      <form onSubmit={submit}>
        <Group align="flex-end" gap="xs">
          <TextInput label="Name" placeholder="nightly import" required withAsterisk={false} value={name} maxLength={100} onChange={({ currentTarget }) => setName(currentTarget.value)} />
          <MultiSelect label="May" data={SCOPES} value={scopes} onChange={(chosen) => setScopes(chosen as Scope[])} w={320} />
          <Select label="For" data={LIVES} value={life} onChange={setLife} placeholder="Ever" clearable w={120} />
          <Button type="submit" loading={make.isPending} disabled={scopes.length === 0}>
            Make a token
          </Button>
        </Group>
      </form>
      {make.data && (
        <div role="status">
          <Text size="sm" mb={4}>
            Copy it now; it is not shown again:
          </Text>
          <Source text={make.data.text} label="The new token" once />
        </div>
      )}
      <Answered query={query} rows={2}>
        {(tokens) =>
          tokens.length === 0 ? (
            <Text size="sm" c="dimmed">
              You have none.
            </Text>
          ) : (
            <div className={table.wrap}>
              <table className={table.table} {...cards(['Name', 'Begins with', 'May', 'Last used', 'Until'], true)}>
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Begins with</th>
                    <th scope="col">May</th>
                    <th scope="col">Last used</th>
                    <th scope="col">Until</th>
                    <th scope="col">
                      <VisuallyHidden>Actions</VisuallyHidden>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {tokens.map((token) => (
                    <tr key={token.id}>
                      <td>
                        <bdi>{token.name}</bdi>
                      </td>
                      <td>
                        <code>{token.prefix}</code>
                      </td>
                      <td className={table.dim}>{token.scopes.join(', ')}</td>
                      <td className={table.dim}>{token.used_at ? <Moment at={token.used_at} /> : 'never'}</td>
                      <td className={table.dim}>{token.expires_at ? <Moment at={token.expires_at} /> : 'for ever'}</td>
                      <td className={table.number}>
                        <Button size="compact-xs" variant="default" onClick={() => setRevoking(token)}>
                          Revoke
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answered>
      {revoking && (
        <Confirm title={`Revoke ${revoking.name}?`} act="Revoke" onConfirm={() => revoke(revoking.id)} close={() => setRevoking(null)}>
          Programs that use it are refused at once. It cannot be brought back.
        </Confirm>
      )}
    </Section>
  )
}

function Sessions() {
  const query = useQuery({ queryKey: ['sessions'], queryFn: ({ signal }) => ask(api.GET('/api/v1/sessions', { signal })) })
  const client = useQueryClient()
  const end = useMutation({
    mutationFn: (session: string) => ask(api.DELETE('/api/v1/sessions/{session}', { params: { path: { session } } })),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['sessions'] }),
    onError: failed,
  })
  return (
    <Section title="Where you are signed in">
      <Answered query={query} rows={2}>
        {(sessions) => (
          <div className={table.wrap}>
            <table className={table.table} {...cards(['Browser', 'Address', 'Last used'], true)}>
              <thead>
                <tr>
                  <th scope="col">Browser</th>
                  <th scope="col">Address</th>
                  <th scope="col">Last used</th>
                  <th scope="col">
                    <VisuallyHidden>Actions</VisuallyHidden>
                  </th>
                </tr>
              </thead>
              <tbody>
                {sessions.map((one) => (
                  <tr key={one.id}>
                    <td>
                      <span className={table.clip} title={one.agent ?? undefined}>
                        {one.agent ? browserOf(one.agent) : 'not told'}{' '}
                        {one.current && (
                          <Badge variant="light" tt="none">
                            this browser
                          </Badge>
                        )}
                      </span>
                    </td>
                    <td className={table.dim}>{one.address}</td>
                    <td className={table.dim}>
                      <Moment at={one.used_at} />
                    </td>
                    <td className={table.number}>
                      {!one.current && (
                        <Button
                          size="compact-xs"
                          variant="default"
                          aria-label={`End the session of ${one.agent ? browserOf(one.agent) : 'a browser'} at ${one.address ?? 'an address not told'}`}
                          loading={end.isPending && end.variables === one.id}
                          onClick={() => end.mutate(one.id)}
                        >
                          End
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Answered>
    </Section>
  )
}

function Password() {
  const [old, setOld] = useState('')
  const [fresh, setFresh] = useState('')
  const change = useMutation({
    mutationFn: () => ask(api.PUT('/api/v1/me/password', { body: { old, new: fresh } })),
    onSuccess: () => {
      setOld('')
      setFresh('')
      done('Your password is changed; sign in with it')
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate()
  }
  return (
    <Section title="Password">
      <form onSubmit={submit}>
        <Stack gap="sm" maw={420}>
          {change.error && (
            <Text size="sm" role="alert" c="var(--mantine-color-error)">
              {sentence(change.error)}
            </Text>
          )}
          <PasswordInput label="Now" required withAsterisk={false} autoComplete="current-password" value={old} onChange={({ currentTarget }) => setOld(currentTarget.value)} />
          <PasswordInput label="New" description="12 characters or more; all your sessions end" required withAsterisk={false} minLength={12} autoComplete="new-password" value={fresh} onChange={({ currentTarget }) => setFresh(currentTarget.value)} />
          <Group>
            <Button type="submit" variant="default" loading={change.isPending}>
              Change the password
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}
