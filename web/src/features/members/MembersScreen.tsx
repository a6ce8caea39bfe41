import { Button, Group, Select, TextInput, VisuallyHidden } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { api, ask } from '@/api/client'
import type { MemberView, ProjectRole } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { Confirm } from '@/ui/Confirm'
import { Moment } from '@/ui/moments'
import { Screen } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { done, failed } from '@/ui/toast'

const route = getRouteApi('/inside/p/$project/members')
const ROLES: { value: ProjectRole; label: string }[] = [
  { value: 'viewer', label: 'Viewer: looks' },
  { value: 'operator', label: 'Operator: runs and answers' },
  { value: 'editor', label: 'Editor: changes tasks' },
  { value: 'owner', label: 'Owner: everything' },
]

/** Who has which role in the project. */
export function MembersScreen() {
  const { project } = route.useParams()
  const { data: own } = useQuery(projectQuery(project))
  const query = useQuery({
    queryKey: ['members', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/members', { params: { path: { project } }, signal })),
  })
  const may = own?.rights.includes('member.manage') ?? false
  return (
    <Screen title="Members">
      {may && <AddMember project={project} />}
      <Answered query={query}>
        {(members) =>
          members.length === 0 ? (
            <Empty title="Nobody has a role here yet">Administrators of the server may everything all the same.</Empty>
          ) : (
            <div className={table.wrap}>
              <table className={table.table}>
                <thead>
                  <tr>
                    <th scope="col">Person or group</th>
                    <th scope="col">Role</th>
                    <th scope="col">Since</th>
                    <th scope="col">
                      <VisuallyHidden>Actions</VisuallyHidden>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {members.map((member) => (
                    <Row key={member.reference} project={project} member={member} may={may} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answered>
    </Screen>
  )
}

function usePut(project: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ member, role }: { member: string; role: ProjectRole }) =>
      ask(api.PUT('/api/v1/projects/{project}/members/{member}', { params: { path: { project, member } }, body: { role } })),
    onSuccess: (_, { member, role }) => {
      done(`${member} is ${role} now`)
      void client.invalidateQueries({ queryKey: ['members', project] })
    },
    onError: failed,
  })
}

function AddMember({ project }: { project: string }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<ProjectRole>('viewer')
  const put = usePut(project)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    put.mutate({ member: name.includes(':') ? name : `user:${name}`, role }, { onSuccess: () => setName('') })
  }
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="xs">
        <TextInput label="Name" placeholder="ana, or group:ops" required withAsterisk={false} value={name} onChange={({ currentTarget }) => setName(currentTarget.value)} />
        <Select label="Role" data={ROLES} value={role} onChange={(chosen) => chosen && setRole(chosen as ProjectRole)} allowDeselect={false} w={230} />
        <Button type="submit" loading={put.isPending}>
          Give the role
        </Button>
      </Group>
    </form>
  )
}

function Row({ project, member, may }: { project: string; member: MemberView; may: boolean }) {
  const [removing, setRemoving] = useState(false)
  const put = usePut(project)
  const client = useQueryClient()
  const remove = async () => {
    await ask(api.DELETE('/api/v1/projects/{project}/members/{member}', { params: { path: { project, member: member.reference } } }))
    await client.invalidateQueries({ queryKey: ['members', project] })
    done(`${member.reference} has no role here any more`)
  }
  return (
    <tr>
      <td>
        <bdi>{member.title ?? member.reference}</bdi> {member.title && <code className={table.dim}>{member.reference}</code>}
      </td>
      <td>
        {may ? (
          <Select aria-label={`Role of ${member.reference}`} size="xs" w={220} data={ROLES} value={member.role} allowDeselect={false} onChange={(role) => role && put.mutate({ member: member.reference, role: role as ProjectRole })} />
        ) : (
          member.role
        )}
      </td>
      <td className={table.dim}>
        <Moment at={member.since} />
      </td>
      <td className={table.number}>
        {may && (
          <Button size="compact-xs" variant="default" onClick={() => setRemoving(true)}>
            Remove
          </Button>
        )}
        {removing && (
          <Confirm title={`Remove ${member.reference}?`} act="Remove" onConfirm={remove} close={() => setRemoving(false)}>
            They see the project no longer, from now on. You can give the role again.
          </Confirm>
        )}
      </td>
    </tr>
  )
}
