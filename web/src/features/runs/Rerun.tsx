import { Alert, Button, Checkbox, Group, List, Modal, Select, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { Refusal, sentence } from '@/api/client'
import type { JsonValue, RerunView, RunView } from '@/api/generated/schema'
import { projectQuery, versionsQuery } from '@/api/queries'
import { planRerun, rerun } from '@/api/runs'
import { plural } from '@/ui/format'
import { Answered } from '@/ui/states'
import type { Values } from '@/ui/form/schema'
import { EditedArguments, EditedOutputs } from './EditedInput'
import { FAILED } from './reruns'

interface RerunProps {
  project: string
  run: RunView
  /** Path of the step to begin with. Null: from the beginning. */
  from: string | null
  close: () => void
}

/** Says beforehand what a rerun would take over and repeat; what the new run is given can be edited. */
export function Rerun({ project, run, from, close }: RerunProps) {
  const navigate = useNavigate()
  const [version, setVersion] = useState(run.version)
  const [editing, setEditing] = useState(false)
  const [given, setGiven] = useState<Values>(run.arguments as Values)
  const [outputs, setOutputs] = useState<Record<string, JsonValue>>({})
  const [broken, setBroken] = useState(false)
  const plan = useQuery({ queryKey: ['rerun', run.id, from, version], queryFn: () => planRerun(run.id, from, version), staleTime: 0 })
  const { data: versions } = useQuery(versionsQuery(project, run.task))
  const { data: own } = useQuery(projectQuery(project))
  const edited = editing ? { arguments: changedOnly(run.arguments as Values, given), outputs } : {}
  const start = useMutation({
    mutationFn: () => rerun(run.id, from, { version, ...edited }),
    onSuccess: ({ id }) => {
      close()
      void navigate({ to: '/p/$project/runs/$run', params: { project, run: id } })
    },
  })
  const errors = start.error instanceof Refusal ? start.error.byPath : {}
  return (
    <Modal opened onClose={close} size="lg" title={titleOf(from)}>
      <Select
        label="Version"
        mb="sm"
        w={200}
        allowDeselect={false}
        data={(versions ?? [{ number: run.version, published: false }]).map(({ number, published }) => ({
          value: String(number),
          label: `v${number}${number === run.version ? ', as it ran' : ''}${published ? ', published' : ''}`,
        }))}
        value={String(version)}
        onChange={(chosen) => chosen && setVersion(Number(chosen))}
      />
      <Answered query={plan} rows={2}>
        {(found) => <Plan plan={found} from={from} />}
      </Answered>
      <Checkbox mt="md" label="Edit what it is given" checked={editing} onChange={({ currentTarget }) => setEditing(currentTarget.checked)} />
      {editing && (
        <>
          <EditedArguments project={project} task={run.task} version={version} values={given} errors={errors} onChange={setGiven} />
          {from && own?.rights.includes('task.publish') && (
            <EditedOutputs run={run} from={from} outputs={outputs} onChange={setOutputs} onBroken={setBroken} />
          )}
        </>
      )}
      {start.error && (
        <Alert color="red" variant="light" mt="md" role="alert" title="No run was started">
          {sentence(start.error)}
        </Alert>
      )}
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close}>
          Leave it
        </Button>
        <Button loading={start.isPending} disabled={!plan.data || broken} onClick={() => start.mutate()}>
          Rerun
        </Button>
      </Group>
    </Modal>
  )
}

function Plan({ plan: { kept, repeated_effects: repeated }, from }: { plan: RerunView; from: string | null }) {
  return (
    <Text size="sm" component="div">
      {from ? `The new run takes over the records of ${plural(kept.length, 'step')}${from === FAILED ? ' that succeeded' : ' before it'}; a step whose input comes out otherwise is done again.` : 'Everything is done again.'}
      {repeated.length > 0 ? (
        <>
          {' '}
          These would change the outside a second time:
          <List size="sm" mt={6}>
            {repeated.map((path) => (
              <List.Item key={path}>
                <code>{path}</code>
              </List.Item>
            ))}
          </List>
        </>
      ) : (
        ' Nothing outside would be done a second time.'
      )}
    </Text>
  )
}

function titleOf(from: string | null): string {
  if (from === FAILED) return 'Rerun what failed?'
  return from ? `Rerun from ${from}?` : 'Rerun from the beginning?'
}

const changedOnly = (before: Values, after: Values): Values =>
  Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value)))
