import { TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import type { ToolServerView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { LeaveGuard } from '@/ui/form/Editing'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { Only } from '@/ui/Only'
import { Screen } from '@/ui/Screen'
import { connectionOf, FIELDS, NEW_CONNECTION } from './connection'
import { ConnectionForm } from './ConnectionForm'
import { type Owner, putServer, serverQuery, serversQuery } from './servers'

const route = getRouteApi('/inside/p/$project/tools/new-server')

/** Connects a tool server, to the project or for all of them. */
export function NewToolServerScreen() {
  const { project } = route.useParams()
  const { of } = route.useSearch()
  const owner: Owner = of === 'server' ? null : project
  const { data: known } = useQuery(serversQuery(owner))
  const [name, setName] = useState('')
  const [fields, setFields] = useState(NEW_CONNECTION)
  const navigate = useNavigate()
  const client = useQueryClient()
  const taken = known?.some((one) => one.name === name && (owner === null || !one.shared)) ?? false
  const keep = useChange({
    act: () => {
      const { enabled, projects } = fields
      return putServer(owner, name, { connection: connectionOf(fields), enabled, projects: projects.length ? projects : null }, null)
    },
    stale: ['tool_servers', 'tools'],
    said: (now: ToolServerView) => (now.problem ? `${name} is saved; it does not answer yet` : `${name} is connected`),
    then: (now) => {
      client.setQueryData(serverQuery(owner, name).queryKey, now)
      void navigate({ to: '/p/$project/tools/servers/$server', params: { project, server: name }, search: { of }, ignoreBlocker: true })
    },
    inForm: true,
  })
  const problems = problemsOf(keep.error)
  const changed = name !== '' || JSON.stringify(fields) !== JSON.stringify(NEW_CONNECTION)
  const wrong = taken ? 'There is a tool server of this name already; choose another.' : problems.of('server')
  return (
    <Screen title={owner === null ? 'Share a tool server' : 'Connect a tool server'}>
      <Only project={project} right={owner === null ? null : 'tool_server.edit'}>
        <FormFailure problems={problems} fields={FIELDS} />
        <ConnectionForm project={project} owner={owner} fields={fields} set={(part) => setFields({ ...fields, ...part })} problems={problems} busy={keep.isPending} changed={changed && !taken} submit={() => keep.mutate()}>
          <TextInput label="Name" description="Its tools carry it: crm/find_account" placeholder="crm" required withAsterisk={false} value={name} error={wrong} onChange={({ currentTarget }) => setName(currentTarget.value)} />
        </ConnectionForm>
      </Only>
      <LeaveGuard changed={changed && !keep.isSuccess} />
    </Screen>
  )
}
