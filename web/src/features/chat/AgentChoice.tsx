import { Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { agentsQuery } from './queries'

const ASSISTANT = ' assistant'

/** Who answers: the assistant itself, or one of the project's agents. Nothing where there is none to choose. */
export function AgentChoice({ project, agent, onChoose }: { project: string; agent: string | null; onChoose: (agent: string | null) => void }) {
  const { data: agents = [] } = useQuery(agentsQuery(project))
  if (agents.length === 0 && !agent) return null
  const names = [...new Set([...agents.map(({ name }) => name), ...(agent ? [agent] : [])])]
  return (
    <Select
      size="xs"
      w={170}
      aria-label="Who answers"
      allowDeselect={false}
      data={[{ value: ASSISTANT, label: 'Assistant' }, ...names.map((name) => ({ value: name, label: name }))]}
      value={agent ?? ASSISTANT}
      onChange={(chosen) => chosen && onChoose(chosen === ASSISTANT ? null : chosen)}
    />
  )
}
