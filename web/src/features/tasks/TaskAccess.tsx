import { Button, TagsInput, Text } from '@mantine/core'
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import type { FormEvent } from 'react'

import { api, ask, isStatus } from '@/api/client'
import type { TaskAccess as Access } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { useEdited } from '@/ui/form/edited'
import { LeaveGuard, Meanwhile } from '@/ui/form/Editing'
import form from '@/ui/form/Form.module.css'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { useMay } from '@/ui/rights'
import { Answered } from '@/ui/states'

const ROLES = ['role:owner', 'role:editor', 'role:operator']

const accessQuery = (project: string, task: string) =>
  queryOptions({
    queryKey: ['tasks', project, task, 'access'],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/projects/{project}/tasks/{task}/access', { params: { path: { project, task } }, signal })),
  })

/** Who alone may run the task and answer for it. */
export function TaskAccess({ project, task }: { project: string; task: string }) {
  const query = useQuery(accessQuery(project, task))
  const may = useMay(project)('task.access')
  return <Answered query={query}>{(access) => <Narrow project={project} task={task} access={access} may={may} />}</Answered>
}

interface NarrowProps {
  project: string
  task: string
  access: Access
  may: boolean
}

function Narrow({ project, task, access, may }: NarrowProps) {
  const edited = useEdited(access, (one) => ({ runners: [...one.runners], answerers: [...one.answerers] }), (one) => one.digest)
  const client = useQueryClient()
  const { data: members } = useQuery({
    queryKey: ['members', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/members', { params: { path: { project } }, signal })),
  })
  const known = [
    { group: 'Roles', items: ROLES },
    { group: 'Members', items: (members ?? []).map(({ reference }) => reference) },
  ]
  const keep = useChange({
    act: () => ask(api.PUT('/api/v1/projects/{project}/tasks/{task}/access', { params: { path: { project, task }, header: { 'if-match': `"${edited.base.digest}"` } }, body: edited.fields })),
    stale: ['tasks', 'approvals'],
    said: () => 'Saved; it holds from now on',
    then: (now: Access) => {
      client.setQueryData(accessQuery(project, task).queryKey, now)
      edited.restart(now)
    },
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    keep.mutate()
  }
  const reload = () => {
    keep.reset()
    void client.fetchQuery({ ...accessQuery(project, task), staleTime: 0 }).then(edited.restart)
  }
  const problems = problemsOf(keep.error)
  const { runners, answerers } = edited.fields
  return (
    <form onSubmit={submit} className={form.sheet} style={{ maxWidth: 720 }}>
      <Text size="sm" c="dimmed">
        Who is named here narrows what roles allow; nobody gains a right by it. Write <code>user:ana</code>, <code>group:ops</code> or{' '}
        <code>role:owner</code> (a role includes those above it). It binds owners and administrators too, who can widen it again.
      </Text>
      <Meanwhile behind={edited.behind} error={keep.error} reload={reload} />
      {!isStatus(keep.error, 412) && <FormFailure problems={problems} fields={['runners', 'answerers']} />}
      <TagsInput label="Only these run, cancel and rerun it" placeholder={runners.length ? undefined : 'Everybody whose role allows it'} openOnFocus={false} data={known} value={runners} readOnly={!may} error={problems.of('runners')} onChange={(chosen) => edited.set({ runners: chosen })} />
      <TagsInput label="Only these answer what its runs ask" description="Steps can name approvers of their own besides" placeholder={answerers.length ? undefined : 'Everybody whose role allows it'} openOnFocus={false} data={known} value={answerers} readOnly={!may} error={problems.of('answerers')} onChange={(chosen) => edited.set({ answerers: chosen })} />
      {may && (
        <div className={form.foot}>
          <Button type="submit" loading={keep.isPending} disabled={!edited.changed}>
            Save
          </Button>
        </div>
      )}
      <LeaveGuard changed={edited.changed} />
    </form>
  )
}
