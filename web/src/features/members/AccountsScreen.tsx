import { Badge, Button, Group, Select, Text } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'

import type { PersonView, ServerRole } from '@/api/generated/schema'
import { meQuery } from '@/api/queries'
import { useChange } from '@/ui/change'
import { Moment } from '@/ui/moments'
import { Removal } from '@/ui/Removal'
import { Rows } from '@/ui/Rows'
import { Screen } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { LinkOnce, type Made } from './LinkOnce'
import { MemberTabs } from './MemberTabs'
import { NewAccountForm } from './NewAccountForm'
import { accountsQuery, letIn, passwordLink, SERVER_ROLES, setServerRole, STALE } from './people'

const route = getRouteApi('/inside/p/$project/members/accounts')

/** Everybody who can sign in at the server; made, closed and let in again here. */
export function AccountsScreen() {
  const { project } = route.useParams()
  const { data: me } = useQuery(meQuery)
  const query = useInfiniteQuery(accountsQuery)
  const [made, setMade] = useState<Made | null>(null)
  const may = me?.server_role === 'admin'
  return (
    <Screen title="Members" beside={<MemberTabs project={project} shown="accounts" />}>
      {may && <NewAccountForm onMade={setMade} />}
      {made && <LinkOnce made={made} close={() => setMade(null)} />}
      <Answered query={query}>
        {({ pages }) => (
          <>
            <Rows label="Accounts" columns={['Person', 'On the server', 'Last seen', 'Since']} actions={may}>
              {pages.flatMap(({ items }) => items).map((person) => (
                <Row key={person.id} person={person} may={may} own={person.id === me?.id} onLink={setMade} />
              ))}
            </Rows>
            {query.hasNextPage && (
              <Group>
                <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  Show more
                </Button>
              </Group>
            )}
          </>
        )}
      </Answered>
    </Screen>
  )
}

interface RowProps {
  person: PersonView
  may: boolean
  /** The reader's own: nobody closes the door behind themselves. */
  own: boolean
  onLink: (made: Made) => void
}

function Row({ person, may, own, onLink }: RowProps) {
  const role = useChange({ act: (chosen: ServerRole) => setServerRole(person.name, chosen), stale: STALE, said: ({ server_role }) => `${person.name} is ${server_role} now` })
  return (
    <tr>
      <td>
        <span className={table.clip}>
          <bdi>{person.title ?? person.name}</bdi> {person.title && <code className={table.dim}>{person.name}</code>}{' '}
          {person.disabled_at && (
            <Badge size="xs" color="gray" variant="outline" tt="none">
              closed
            </Badge>
          )}
        </span>
        {person.email && (
          <Text size="xs" c="dimmed">
            <bdi>{person.email}</bdi>
          </Text>
        )}
      </td>
      <td>
        {may && !own ? (
          <Select aria-label={`Role of ${person.name} on the server`} size="xs" w={220} data={SERVER_ROLES} value={person.server_role} allowDeselect={false} onChange={(chosen) => chosen && role.mutate(chosen as ServerRole)} />
        ) : (
          person.server_role
        )}
      </td>
      <td className={table.dim}>{person.last_seen_at ? <Moment at={person.last_seen_at} /> : person.has_password ? 'not yet' : 'has chosen no password yet'}</td>
      <td className={table.dim}>
        <Moment at={person.created_at} />
      </td>
      {may && (
        <td className={table.number}>
          <Acts person={person} own={own} onLink={onLink} />
        </td>
      )}
    </tr>
  )
}

function Acts({ person, own, onLink }: Omit<RowProps, 'may'>) {
  const link = useChange({ act: () => passwordLink(person.name), stale: [], then: (made) => onLink({ person: person.name, ...made }) })
  const open = useChange({ act: () => letIn(person.name, true), stale: STALE, said: () => `${person.name} can sign in again` })
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      {!person.disabled_at && (
        <Button size="compact-xs" variant="default" loading={link.isPending} aria-label={`Link to a new password for ${person.name}`} onClick={() => link.mutate()}>
          New password
        </Button>
      )}
      {person.disabled_at ? (
        <Button size="compact-xs" variant="default" loading={open.isPending} aria-label={`Let ${person.name} in again`} onClick={() => open.mutate()}>
          Let in again
        </Button>
      ) : (
        !own && (
          <Removal label="Close" title={`Close the account of ${person.name}?`} act="Close it" remove={() => letIn(person.name, false)} said={`${person.name} can sign in no longer`} stale={STALE}>
            All sessions end now and tokens stop. Roles, tasks and records stay; you can let {person.name} in again at any time.
          </Removal>
        )
      )}
    </Group>
  )
}
