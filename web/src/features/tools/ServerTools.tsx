import { Select, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import type { ServerToolView, ToolServerView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { Rows } from '@/ui/Rows'
import { SchemaTable } from '@/ui/SchemaTable'
import { Section } from '@/ui/Screen'
import { Effect, effectLabel } from './Effect'
import { type EffectName, type Owner, serverQuery, setEffect } from './servers'
import classes from './Tools.module.css'

const EFFECTS: EffectName[] = ['none', 'reads', 'changes']
const AS_SAID = 'as the server says'

interface ServerToolsProps {
  owner: Owner
  server: ToolServerView
  may: boolean
}

/** The tools that were accepted, and what each does to the outside. */
export function ServerTools({ owner, server, may }: ServerToolsProps) {
  const [open, setOpen] = useState<string | null>(null)
  if (server.tools.length === 0)
    return (
      <Text size="sm" c="dimmed">
        No tool is accepted{server.problem ? ': it has not answered yet' : ''}.
      </Text>
    )
  return (
    <Rows label="Accepted tools" columns={['Tool', 'Effect', ...(may ? ['Whose word'] : [])]}>
      {server.tools.map((tool) => (
        <Row key={tool.name} owner={owner} server={server} tool={tool} may={may} open={open === tool.name} toggle={() => setOpen(open === tool.name ? null : tool.name)} />
      ))}
    </Rows>
  )
}

interface RowProps extends ServerToolsProps {
  tool: ServerToolView
  open: boolean
  toggle: () => void
}

function Row({ owner, server, tool, may, open, toggle }: RowProps) {
  const client = useQueryClient()
  const bare = tool.name.slice(server.name.length + 1)
  const say = useChange({
    act: (effect: EffectName | null) => setEffect(owner, server.name, bare, effect),
    stale: ['tool_servers', 'tools'],
    said: (_, effect) => (effect === null ? `${tool.name}: as the server says` : `${tool.name} ${effectLabel(effect)}, by your word`),
    then: (now) => client.setQueryData(serverQuery(owner, server.name).queryKey, now),
  })
  return (
    <>
      <tr>
        <td>
          <button type="button" className={classes.toggle} aria-expanded={open} onClick={toggle}>
            <code>{tool.name}</code>
          </button>
          <span className={classes.description} title={tool.description}>
            <bdi>{tool.description}</bdi>
          </span>
        </td>
        <td>
          <Effect effect={tool.effect} />
        </td>
        {may && (
          <td>
            <Select
              aria-label={`Effect of ${tool.name}`}
              size="xs"
              w={170}
              data={[{ value: AS_SAID, label: 'As the server says' }, ...EFFECTS.map((value) => ({ value, label: `It ${effectLabel(value)}` }))]}
              value={tool.effect_from === 'person' ? tool.effect : AS_SAID}
              allowDeselect={false}
              disabled={say.isPending}
              onChange={(chosen) => say.mutate(EFFECTS.find((one) => one === chosen) ?? null)}
            />
          </td>
        )}
      </tr>
      {open && (
        <tr>
          <td colSpan={may ? 3 : 2}>
            <div className={classes.schemas}>
              <Section title="Takes">
                <SchemaTable schema={tool.input_schema} label={`Input of ${tool.name}`} none="Nothing." />
              </Section>
              <Section title="Gives">
                <SchemaTable schema={tool.output_schema ?? {}} label={`Output of ${tool.name}`} none="Its texts, and all parts of its answer." />
              </Section>
            </div>
          </td>
        </tr>
      )}
    </>
  )
}
