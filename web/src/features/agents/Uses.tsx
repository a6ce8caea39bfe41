import { Button, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import type { AgentView } from '@/api/generated/schema'
import { Caution } from '@/ui/Caution'
import { useChange } from '@/ui/change'
import { Confirm } from '@/ui/Confirm'
import { useMay } from '@/ui/rights'
import { Rows } from '@/ui/Rows'
import { Section } from '@/ui/Screen'
import table from '@/ui/Table.module.css'
import { takeOver } from './queries'

type Use = AgentView['used_by'][number]

/** The published versions that keep the agent, and which of them keep an earlier one. */
export function Uses({ project, agent }: { project: string; agent: AgentView }) {
  const may = useMay(project)('task.publish')
  const [asked, setAsked] = useState<Use | null>(null)
  const take = useChange({
    act: (use: Use) => takeOver(project, use.task, use.version, agent.name),
    stale: ['agents', 'tasks'],
    said: (applied) => `${applied.name} v${applied.version ?? ''} is published, with the agent as it is now`,
    inForm: true,
  })
  return (
    <Section title="Used by">
      {agent.used_by.length === 0 ? (
        <Text size="sm" c="dimmed">
          No published version yet. A step chooses it with <code>agent: {agent.name}</code>.
        </Text>
      ) : (
        <Rows label="Versions that keep it" columns={['Task', 'Keeps']} actions>
          {agent.used_by.map((use) => (
            <tr key={`${use.task} ${use.version}`}>
              <td>
                <Link to="/p/$project/tasks/$task" params={{ project, task: use.task }} className={table.name}>
                  <bdi>{use.task}</bdi>
                </Link>
                <span className={table.dim}>v{use.version}</span>
              </td>
              <td>{use.current ? 'as it is' : <Caution>an earlier one</Caution>}</td>
              <td className={table.number}>
                {!use.current && may && (
                  <Button size="compact-xs" variant="default" onClick={() => setAsked(use)}>
                    Take over
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </Rows>
      )}
      {asked && (
        <Confirm title={`Publish ${asked.task} with the agent as it is now?`} act="Make and publish it" colour="indigo" onConfirm={() => take.mutateAsync(asked)} close={() => setAsked(null)}>
          A new version is made from version {asked.version}'s file, and new runs take it. Runs under way keep theirs; you can go back to version {asked.version}.
        </Confirm>
      )}
    </Section>
  )
}
