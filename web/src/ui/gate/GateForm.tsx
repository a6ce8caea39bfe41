import { Button, Group, NumberInput, Select, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { isStatus } from '@/api/client'
import { type Gate, gateQuery, setGate } from '@/api/gates'
import type { PublishGateView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { Meanwhile } from '@/ui/form/Editing'
import form from '@/ui/form/Form.module.css'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { useMay } from '@/ui/rights'
import { Answered } from '@/ui/states'
import { ruleOf } from './GateRule'

interface GateFormProps {
  project: string
  /** Null: the project's, for all tasks without one of their own. */
  task: string | null
}

/** The gate before publications, and for owners the way to set it. */
export function GateForm({ project, task }: GateFormProps) {
  const query = useQuery(gateQuery(project, task))
  const may = useMay(project)('project.edit')
  return (
    <Answered query={query} rows={2}>
      {(gate) => (
        <div className={form.sheet} style={{ maxWidth: 720 }}>
          <Text size="sm">{ruleOf(gate)}</Text>
          {may && <Fields key={JSON.stringify(gate)} project={project} task={task} gate={gate} />}
        </div>
      )}
    </Answered>
  )
}

const FIELDS = ['gate.runs', 'gate.may_differ', 'gate.unknown']

function Fields({ project, task, gate }: GateFormProps & { gate: PublishGateView }) {
  const [fields, setFields] = useState<Gate>({ runs: gate.runs ?? 20, may_differ: gate.may_differ ?? 0, unknown: gate.unknown ?? 'differs' })
  const client = useQueryClient()
  const keep = useChange({
    act: (now: Gate | null) => setGate(project, task, now, gate.digest),
    stale: ['gates'],
    said: () => 'Saved; it holds for the next publication',
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    keep.mutate(fields)
  }
  const problems = problemsOf(keep.error)
  const own = task === null ? gate.whose === 'project' : gate.whose === 'task'
  const number = (value: string | number) => (typeof value === 'number' ? value : Number(value) || 0)
  return (
    <form onSubmit={submit}>
      <Meanwhile behind={false} error={keep.error} reload={() => void client.invalidateQueries({ queryKey: ['gates'] })} />
      {!isStatus(keep.error, 412) && <FormFailure problems={problems} fields={FIELDS} />}
      <Group align="flex-start" gap="xs">
        <NumberInput label="Last runs" description={task === null ? undefined : '0: no gate'} min={task === null ? 1 : 0} max={200} w={110} value={fields.runs} error={problems.of('gate.runs')} onChange={(value) => setFields({ ...fields, runs: number(value) })} inputWrapperOrder={ORDER} />
        <NumberInput label="May differ" min={0} max={200} w={110} value={fields.may_differ} error={problems.of('gate.may_differ')} onChange={(value) => setFields({ ...fields, may_differ: number(value) })} />
        <Select label="What cannot be told" data={UNKNOWN} value={fields.unknown} allowDeselect={false} w={220} error={problems.of('gate.unknown')} onChange={(chosen) => setFields({ ...fields, unknown: chosen === 'passes' ? 'passes' : 'differs' })} />
      </Group>
      <div className={form.foot} style={{ marginTop: 12 }}>
        <Button type="submit" size="compact-md" loading={keep.isPending && keep.variables !== null}>
          {own ? 'Save the gate' : 'Set a gate'}
        </Button>
        {own && (
          <Button size="compact-md" variant="default" loading={keep.isPending && keep.variables === null} onClick={() => keep.mutate(null)}>
            {task === null ? 'Take it away' : 'As the project says'}
          </Button>
        )}
      </div>
    </form>
  )
}

const ORDER = ['label', 'input', 'description', 'error'] as ('label' | 'input' | 'description' | 'error')[]
const UNKNOWN = [
  { value: 'differs', label: 'counts as otherwise' },
  { value: 'passes', label: 'passes' },
]
