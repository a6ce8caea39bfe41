import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'

import type { AgentView } from '@/api/generated/schema'
import { Caution } from '@/ui/Caution'
import { plural } from '@/ui/format'
import { IconPlus } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { useMay } from '@/ui/rights'
import { Rows } from '@/ui/Rows'
import { Screen } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { agentsQuery } from './queries'

const route = getRouteApi('/inside/p/$project/agents')

/** The project's agents: who they are, what they may use, and which versions of tasks keep them. */
export function AgentsScreen() {
  const { project } = route.useParams()
  const may = useMay(project)('agent.edit')
  const query = useQuery(agentsQuery(project))
  const add = may && <NewAgent project={project} />
  return (
    <Screen title="Agents" actions={query.data?.length ? add : null}>
      <Answered query={query}>
        {(agents) =>
          agents.length === 0 ? (
            <Empty title="No agent works here yet" action={add}>
              An agent is a named worker: a model, instructions, the tools that it may use, and limits. Steps name it:{' '}
              <code>{'{agent: analyst, prompt: "Sum up the week."}'}</code>
            </Empty>
          ) : (
            <Rows label="Agents" columns={['Agent', 'Model', 'Tools', 'Used by', 'Changed']}>
              {agents.map((agent) => (
                <Row key={agent.name} project={project} agent={agent} />
              ))}
            </Rows>
          )
        }
      </Answered>
    </Screen>
  )
}

function NewAgent({ project }: { project: string }) {
  return (
    <Button
      leftSection={<IconPlus size={15} aria-hidden />}
      renderRoot={(props) => <Link to="/p/$project/new-agent" params={{ project }} {...props} />}
    >
      New agent
    </Button>
  )
}

function Row({ project, agent }: { project: string; agent: AgentView }) {
  const earlier = agent.used_by.filter((one) => !one.current).length
  return (
    <tr>
      <td>
        <Link to="/p/$project/agents/$agent" params={{ project, agent: agent.name }} className={table.name}>
          <bdi>{agent.name}</bdi>
        </Link>
        {agent.description && (
          <span className={`${table.clip} ${table.dim}`} title={agent.description}>
            <bdi>{agent.description}</bdi>
          </span>
        )}
      </td>
      <td>{agent.model ? <code>{agent.model}</code> : <span className={table.dim}>the server's default</span>}</td>
      <td>
        <span className={table.clip} title={agent.tools.join(', ')}>
          {agent.tools.length ? <code>{agent.tools.join(', ')}</code> : <span className={table.dim}>none</span>}
        </span>
      </td>
      <td>
        {agent.used_by.length === 0 ? (
          <span className={table.dim}>no published version</span>
        ) : (
          plural(agent.used_by.length, 'published version')
        )}{' '}
        {earlier > 0 && <Caution title="They go on with the agent as it was when they were made">{earlier} with an earlier one</Caution>}
      </td>
      <td className={table.dim}>
        <Moment at={agent.updated_at} />
      </td>
    </tr>
  )
}
