import { Button } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'

import type { JsonValue, ToolChangeView, ToolServerView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { Difference } from '@/ui/Difference'
import { plural } from '@/ui/format'
import { SchemaTable } from '@/ui/SchemaTable'
import { Section } from '@/ui/Screen'
import { accept, type Owner, serverQuery } from './servers'
import classes from './Tools.module.css'

const SAID = {
  added: 'is new: it cannot be used until it is accepted',
  changed: 'is described in other words now: it is refused until it is accepted',
  removed: 'is not there any more: calls of it fail',
}

interface ServerChangesProps {
  owner: Owner
  server: ToolServerView
  may: boolean
}

/** What is not as it was accepted. A changed description can tell a model to do something else, so a person looks first. */
export function ServerChanges({ owner, server, may }: ServerChangesProps) {
  const client = useQueryClient()
  const take = useChange({
    act: (tools: string[] | null) => accept(owner, server.name, tools),
    stale: ['tool_servers', 'tools'],
    said: (_, tools) => (tools === null ? 'All are accepted as they are now' : `${tools.join(', ')}: accepted as it is now`),
    then: (now) => client.setQueryData(serverQuery(owner, server.name).queryKey, now),
  })
  return (
    <Section
      title={`${plural(server.changes.length, 'tool')} to look at`}
      aside={
        may &&
        server.changes.length > 1 && (
          <Button ms="auto" size="compact-sm" variant="default" loading={take.isPending && take.variables === null} onClick={() => take.mutate(null)}>
            Accept all
          </Button>
        )
      }
    >
      {server.changes.map((change) => (
        <section key={change.tool} className={classes.change} aria-label={`Changed: ${change.tool}`}>
          <div className={classes.changeHead}>
            <span>
              <code>{`${server.name}/${change.tool}`}</code> {SAID[change.change]}
            </span>
            {may && (
              <Button ms="auto" size="compact-sm" loading={take.isPending && take.variables?.[0] === change.tool} onClick={() => take.mutate([change.tool])} aria-label={`${change.change === 'removed' ? 'Take it out' : 'Accept it'}: ${change.tool}`}>
                {change.change === 'removed' ? 'Take it out' : 'Accept it'}
              </Button>
            )}
          </div>
          <Told change={change} />
        </section>
      ))}
    </Section>
  )
}

/** The words before and after; of a new tool, what it is. */
function Told({ change }: { change: ToolChangeView }) {
  if (change.change === 'changed')
    return <Difference before={told(change, 'before')} after={told(change, 'after')} label={`What has changed of ${change.tool}`} />
  const tool = change.after ?? change.before ?? {}
  return (
    <>
      <p className={classes.about}>
        <bdi>{String(tool.description ?? '')}</bdi>
      </p>
      {change.change === 'added' && <SchemaTable schema={(tool.input_schema ?? {}) as Record<string, JsonValue>} label={`Input of ${change.tool}`} none="It takes nothing." />}
    </>
  )
}

/** A tool as its server describes it, so that each change is a line. */
function told(change: ToolChangeView, when: 'before' | 'after'): string {
  const tool = change[when]
  if (tool === null) return ''
  const { description, ...rest } = tool
  const others = Object.entries(rest).filter(([, value]) => value !== null)
  return `${String(description ?? '')}\n${JSON.stringify(Object.fromEntries(others), null, 2)}\n`
}
