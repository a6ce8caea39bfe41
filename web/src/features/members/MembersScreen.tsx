import { Autocomplete, Button, Group, Select } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { groupsQuery, peopleQuery } from '@/api/catalogue'
import { api, ask, began, isStatus } from '@/api/client'
import type { MemberView, ProjectRole } from '@/api/generated/schema'
import { meQuery } from '@/api/queries'
import { useChange } from '@/ui/change'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { Moment } from '@/ui/moments'
import { Removal } from '@/ui/Removal'
import { useIsAdmin, useMay } from '@/ui/rights'
import { Rows } from '@/ui/Rows'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { Groups } from './Groups'
import { MemberTabs } from './MemberTabs'
import { membersQuery } from './queries'

const route = getRouteApi('/inside/p/$project/members')
const ROLES: { value: ProjectRole; label: string }[] = [
  { value: 'viewer', label: 'Viewer: looks' },
  { value: 'operator', label: 'Operator: runs and answers' },
  { value: 'editor', label: 'Editor: changes tasks' },
  { value: 'owner', label: 'Owner: everything' },
]

/** Who has which role in the project, and the groups of the server. */
export function MembersScreen() {
  const { project } = route.useParams()
  const query = useQuery(membersQuery(project))
  const may = useMay(project)('member.manage')
  const { data: me } = useQuery(meQuery)
  return (
    <Screen title="Members" beside={<MemberTabs project={project} shown="members" />}>
      {may && <AddMember project={project} />}
      <Answered query={query}>
        {(members) =>
          members.length === 0 ? (
            <Empty title="Nobody has a role here yet">Administrators of the server may everything all the same.</Empty>
          ) : (
            <Rows label="Members" columns={['Person or group', 'Role', 'Since']} actions={may}>
              {members.map((member) => (
                <Row key={member.reference} project={project} member={member} may={may} />
              ))}
            </Rows>
          )
        }
      </Answered>
      {me && me.server_role !== 'member' && (
        <Section title="Groups of the server">
          <Groups may={me.server_role === 'admin'} />
        </Section>
      )}
    </Screen>
  )
}

const usePut = (project: string, inForm = false, then?: () => void) =>
  useChange({
    act: ({ member, role, digest }: { member: string; role: ProjectRole; digest: string | null }) =>
      ask(api.PUT('/api/v1/projects/{project}/members/{member}', { params: { path: { project, member }, header: began(digest) }, body: { role } })),
    stale: ['members', 'project'],
    said: (_, { member, role }) => `${member} is ${role} now`,
    inForm,
    ...(then ? { then } : {}),
  })

function AddMember({ project }: { project: string }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<ProjectRole>('viewer')
  const put = usePut(project, true, () => setName(''))
  const known = useReferences()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    put.mutate({ member: name.includes(':') ? name : `user:${name}`, role, digest: null })
  }
  const problems = problemsOf(put.error)
  return (
    <form onSubmit={submit}>
      <FormFailure problems={problems} fields={['member']} />
      <Group align="flex-start" gap="xs" mt={put.error ? 'xs' : 0}>
        <Autocomplete label="Name" placeholder="ana, or group:ops" required withAsterisk={false} data={known} value={name} error={problems.of('member')} onChange={setName} limit={20} w={240} />
        <Select label="Role" data={ROLES} value={role} onChange={(chosen) => chosen && setRole(chosen as ProjectRole)} allowDeselect={false} w={230} />
        <Button type="submit" loading={put.isPending} mt={22}>
          Give the role
        </Button>
      </Group>
    </form>
  )
}

/** Whom a role can be given to, as far as the reader may know them. */
function useReferences(): string[] {
  const admin = useIsAdmin()
  const people = useQuery({ ...peopleQuery, enabled: admin })
  const groups = useQuery({ ...groupsQuery, enabled: admin })
  return [
    ...(groups.data ?? []).map(({ name }) => `group:${name}`),
    ...(people.data?.items ?? []).map(({ name }) => `user:${name}`),
  ]
}

function Row({ project, member, may }: { project: string; member: MemberView; may: boolean }) {
  const put = usePut(project)
  const client = useQueryClient()
  const give = (role: ProjectRole) =>
    put.mutate(
      { member: member.reference, role, digest: member.digest ?? '' },
      { onError: (error) => isStatus(error, 412) && void client.invalidateQueries({ queryKey: ['members', project] }) },
    )
  return (
    <tr>
      <td>
        <bdi>{member.title ?? member.reference}</bdi> {member.title && <code className={table.dim}>{member.reference}</code>}
      </td>
      <td>
        {may ? (
          <Select aria-label={`Role of ${member.reference}`} size="xs" w={220} data={ROLES} value={member.role} allowDeselect={false} onChange={(role) => role && give(role as ProjectRole)} />
        ) : (
          member.role
        )}
      </td>
      <td className={table.dim}>
        <Moment at={member.since} />
      </td>
      {may && (
        <td className={table.number}>
          <Removal
            label="Remove"
            title={`Remove ${member.reference}?`}
            remove={() => ask(api.DELETE('/api/v1/projects/{project}/members/{member}', { params: { path: { project, member: member.reference } } }))}
            said={`${member.reference} has no role here any more`}
            stale={['members', 'project']}
          >
            They see the project no longer, from now on. You can give the role again.
          </Removal>
        </td>
      )}
    </tr>
  )
}
