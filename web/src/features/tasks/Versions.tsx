import { Badge, Button, Group, Modal, Select, Text, TextInput, VisuallyHidden } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { heldBack } from '@/api/gates'
import type { TaskView, VersionView } from '@/api/generated/schema'
import { projectQuery, versionsQuery } from '@/api/queries'
import { cards } from '@/ui/cards'
import { Difference } from '@/ui/Difference'
import { GateClosed } from '@/ui/gate/GateClosed'
import { GateForm } from '@/ui/gate/GateForm'
import { GateRule } from '@/ui/gate/GateRule'
import { Moment } from '@/ui/moments'
import { Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { done, failed } from '@/ui/toast'
import { person } from '@/ui/triggers'
import { Backtest } from '@/ui/Backtest'
import { publish, sourceQuery } from './queries'

/** Every version, what changed between two, and which one new runs take. */
export function Versions({ project, task }: { project: string; task: TaskView }) {
  const query = useQuery(versionsQuery(project, task.name))
  const [old, setOld] = useState<string | null>(null)
  const [fresh, setFresh] = useState<string | null>(null)
  return (
    <Answered query={query}>
      {(versions) => {
        const numbers = versions.map((one) => String(one.number))
        const right = fresh ?? numbers[0] ?? null
        const left = old ?? numbers[1] ?? numbers[0] ?? null
        return (
          <>
            <VersionTable project={project} task={task} versions={versions} />
            {versions.length > 1 && left && right && (
              <Section
                title="Differences"
                aside={
                  <Group gap="xs" ms="auto">
                    <Select aria-label="Older version" size="xs" w={90} data={numbers.map(asItem)} value={left} onChange={setOld} allowDeselect={false} />
                    <Text size="sm">to</Text>
                    <Select aria-label="Newer version" size="xs" w={90} data={numbers.map(asItem)} value={right} onChange={setFresh} allowDeselect={false} />
                  </Group>
                }
              >
                <Differences project={project} task={task.name} old={Number(left)} fresh={Number(right)} />
              </Section>
            )}
            <Section title="Gate before a version is published">
              <GateForm project={project} task={task.name} />
            </Section>
          </>
        )
      }}
    </Answered>
  )
}

const asItem = (number: string) => ({ value: number, label: `v${number}` })

function VersionTable({ project, task, versions }: { project: string; task: TaskView; versions: readonly VersionView[] }) {
  const [chosen, setChosen] = useState<VersionView | null>(null)
  const [trying, setTrying] = useState<number | null>(null)
  const { data } = useQuery(projectQuery(project))
  return (
    <div className={table.wrap} style={{ marginBottom: 24 }}>
      <table className={table.table} {...cards(['Version', 'Message', 'By', 'When'], true)}>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Message</th>
            <th scope="col">By</th>
            <th scope="col">When</th>
            <th scope="col">
              <VisuallyHidden>Actions</VisuallyHidden>
            </th>
          </tr>
        </thead>
        <tbody>
          {versions.map((one) => (
            <tr key={one.id}>
              <td>
                v{one.number} {one.published && <Badge size="xs" tt="none">published</Badge>}
              </td>
              <td>
                <span className={table.clip}>
                  <bdi>{one.message ?? ''}</bdi>
                </span>
              </td>
              <td className={table.dim}>{person(one.author)}</td>
              <td className={table.dim}>
                <Moment at={one.created_at} />
              </td>
              <td className={table.number}>
                {data?.rights.includes('task.rehearse') && (
                  <Button size="compact-xs" variant="subtle" me={6} onClick={() => setTrying(one.number)}>
                    Backtest
                  </Button>
                )}
                {!one.published && data?.rights.includes('task.publish') && (
                  <Button size="compact-xs" variant="default" onClick={() => setChosen(one)}>
                    {one.number < (task.published ?? 0) ? 'Roll back to it' : 'Publish'}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {trying !== null && (
        <Backtest project={project} tried={{ task: task.name, version: trying }} title={`Backtest of v${trying}`} close={() => setTrying(null)} />
      )}
      {chosen && <Publish project={project} task={task} version={chosen.number} close={() => setChosen(null)} />}
    </div>
  )
}

function Publish({ project, task, version, close }: { project: string; task: TaskView; version: number; close: () => void }) {
  const client = useQueryClient()
  const [message, setMessage] = useState('')
  const [reason, setReason] = useState('')
  const change = useMutation({
    mutationFn: () => publish(project, task.name, version, message || null, reason.trim() || null),
    onSuccess: () => {
      close()
      done(`New runs of ${task.name} take v${version}`)
      void client.invalidateQueries({ predicate: ({ queryKey }) => ['tasks', 'triggers'].includes(String(queryKey[0])) })
    },
    onError: (error) => {
      if (!heldBack(error)) failed(error)
    },
  })
  const held = heldBack(change.error)
  return (
    <Modal opened onClose={close} title={`Publish v${version}?`} size="lg">
      {held && <GateClosed project={project} runs={held} reason={reason} onReason={setReason} />}
      <Text size="sm" c="dimmed" mb="sm">
        New runs and triggers take v{version} at once. Running runs keep theirs. You can publish another version at any time.
      </Text>
      {task.published !== null && <Differences project={project} task={task.name} old={task.published} fresh={version} />}
      <TextInput mt="md" label="Message" placeholder="Why" description="Kept in the audit log" maxLength={1000} value={message} onChange={({ currentTarget }) => setMessage(currentTarget.value)} />
      <GateRule project={project} task={task.name} />
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close}>
          Leave it
        </Button>
        <Button loading={change.isPending} disabled={held !== null && !reason.trim()} onClick={() => change.mutate()}>
          {held ? `Overrule and publish v${version}` : `Publish v${version}`}
        </Button>
      </Group>
    </Modal>
  )
}

/** Lines that were added and removed, with three lines around each. */
function Differences({ project, task, old, fresh }: { project: string; task: string; old: number; fresh: number }) {
  const before = useQuery(sourceQuery(project, task, old))
  const after = useQuery(sourceQuery(project, task, fresh))
  return (
    <Answered query={before}>
      {({ source }) => (
        <Answered query={after}>
          {(newer) => {
            return <Difference before={source} after={newer.source} label={`Differences between v${old} and v${fresh}`} />
          }}
        </Answered>
      )}
    </Answered>
  )
}
