import { TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { isStatus } from '@/api/client'
import type { AgentView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { LeaveGuard, Meanwhile } from '@/ui/form/Editing'
import form from '@/ui/form/Form.module.css'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { useSaving } from '@/ui/form/saving'
import { plural } from '@/ui/format'
import { Only } from '@/ui/Only'
import { Removal } from '@/ui/Removal'
import { useMay } from '@/ui/rights'
import { Screen, Section } from '@/ui/Screen'
import { Source } from '@/ui/Source'
import { Answered } from '@/ui/states'
import { AgentForm } from './AgentForm'
import { bodyOf, FIELDS, fieldsOf, NEW_AGENT } from './fields'
import { agentQuery, agentsQuery, putAgent, removeAgent } from './queries'
import { Uses } from './Uses'

const route = getRouteApi('/inside/p/$project/agents/$agent')
const newRoute = getRouteApi('/inside/p/$project/new-agent')

/** One agent: what it is told, what it may use, its limits, and which versions keep it. */
export function AgentScreen() {
  const { project, agent: name } = route.useParams()
  const query = useQuery(agentQuery(project, name))
  const may = useMay(project)('agent.edit')
  const navigate = useNavigate()
  const removal = query.data && may && (
    <Removal
      label="Delete"
      size="sm"
      title={`Delete the agent ${name}?`}
      remove={() => removeAgent(project, name)}
      said={`The agent ${name} is deleted`}
      stale={['agents']}
      then={() => void navigate({ to: '/p/$project/agents', params: { project }, ignoreBlocker: true })}
    >
      {query.data.used_by.length
        ? `${plural(query.data.used_by.length, 'published version')} of tasks keep it and go on with it. A task that names it cannot be stored anew until there is one again.`
        : 'No published version uses it. It cannot be brought back from here; its file can be applied again.'}
    </Removal>
  )
  return (
    <Screen title={name} actions={removal}>
      <Answered query={query}>{(agent) => <Edit key={agent.name} project={project} agent={agent} may={may} />}</Answered>
    </Screen>
  )
}

function Edit({ project, agent, may }: { project: string; agent: AgentView; may: boolean }) {
  const { edited, save, reload, problems } = useSaving({
    stored: agent,
    fieldsOf,
    mark: (one) => one.digest,
    query: agentQuery(project, agent.name),
    put: ({ fields, base }) => putAgent(project, agent.name, bodyOf(fields, base), base.digest),
    stale: ['agents'],
    said: (now) => (now.used_by.some((one) => !one.current) ? 'Saved. Published versions go on with the earlier one.' : 'Saved'),
  })
  return (
    <div className={form.columns}>
      <div className={form.main}>
        <Meanwhile behind={edited.behind} error={save.error} reload={reload} />
        {!isStatus(save.error, 412) && <FormFailure problems={problems} fields={FIELDS} />}
        <AgentForm project={project} fields={edited.fields} set={edited.set} problems={problems} readOnly={!may} busy={save.isPending} changed={edited.changed} submit={() => save.mutate()} />
      </div>
      <aside className={form.aside}>
        <Uses project={project} agent={agent} />
        <Section title="File">
          <Source text={agent.source.trimEnd()} label={`The file of ${agent.name}`} />
        </Section>
      </aside>
      <LeaveGuard changed={edited.changed} />
    </div>
  )
}

/** A new agent. */
export function NewAgentScreen() {
  const { project } = newRoute.useParams()
  const [name, setName] = useState('')
  const [fields, setFields] = useState(NEW_AGENT)
  const navigate = useNavigate()
  const client = useQueryClient()
  const keep = useChange({
    act: () => putAgent(project, name, bodyOf(fields, null), null),
    stale: ['agents'],
    said: () => `The agent ${name} is there; steps name it as agent: ${name}`,
    then: (now: AgentView) => {
      client.setQueryData(agentQuery(project, name).queryKey, now)
      void client.invalidateQueries({ queryKey: agentsQuery(project).queryKey })
      void navigate({ to: '/p/$project/agents/$agent', params: { project, agent: name }, ignoreBlocker: true })
    },
    inForm: true,
  })
  const problems = problemsOf(keep.error)
  const changed = name !== '' || JSON.stringify(fields) !== JSON.stringify(NEW_AGENT)
  const taken = isStatus(keep.error, 412) ? 'There is an agent of this name already; choose another.' : undefined
  return (
    <Screen title="New agent">
      <Only project={project} right="agent.edit">
        <div className={form.columns}>
          <div className={form.main}>
            {!taken && <FormFailure problems={problems} fields={FIELDS} />}
            <AgentForm project={project} fields={fields} set={(part) => setFields({ ...fields, ...part })} problems={problems} busy={keep.isPending} changed={changed} submit={() => keep.mutate()}>
              <TextInput label="Name" description="Small letters, digits and hyphens; steps name it" placeholder="analyst" required withAsterisk={false} value={name} error={taken ?? problems.of('agent')} onChange={({ currentTarget }) => setName(currentTarget.value)} />
            </AgentForm>
          </div>
        </div>
      </Only>
      <LeaveGuard changed={changed && !keep.isSuccess} />
    </Screen>
  )
}
