import { Alert, Button, Drawer, Group, Text, Textarea } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { parse, stringify } from 'yaml'

import { Refusal, sentence } from '@/api/client'
import type { JsonValue, StepView } from '@/api/generated/schema'
import { type FieldSchema, type Values } from '@/ui/form/schema'
import { SchemaForm } from '@/ui/form/SchemaForm'
import { RecordedValue } from '@/ui/JsonValue'
import { isOutcome, OutcomeBadge, OutcomeIcon } from '@/ui/outcomes'
import { kindOfRecord } from '@/ui/steps/kinds'
import type { FilePath } from '@/ui/steps/outline'
import { withUntil } from './definition'
import { lastValuesQuery, rehearse } from './queries'

interface DryRunProps {
  project: string
  name: string
  /** The task is not there yet, and never ran. */
  fresh: boolean
  text: string
  /** The step to rehearse up to, with its name. Null: all of it. */
  until: { path: FilePath; name: string } | null
  close: () => void
  /** What came of the steps, to be shown beside them. */
  onValues: (values: ReadonlyMap<string, StepView>) => void
}

/** Rehearses the draft: nothing leaves the machine, nothing is kept. */
export function DryRun({ project, name, fresh, text, until, close, onValues }: DryRunProps) {
  const [given, setGiven] = useState<Values>({})
  const [stubs, setStubs] = useState('')
  const [broken, setBroken] = useState<string | null>(null)
  const schema = paramsOf(text)
  const attempt = useMutation({
    mutationFn: (answers: Record<string, JsonValue>) => rehearse(project, name, until ? withUntil(text, until.path) : text, given, answers),
    onSuccess: ({ steps }) => onValues(new Map(steps.map((step) => [step.key, step]))),
  })
  const begin = () => {
    try {
      const answers = (stubs.trim() ? parse(stubs) : {}) as Record<string, JsonValue>
      setBroken(null)
      attempt.mutate(answers)
    } catch (error) {
      setBroken(error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : 'This cannot be read.')
    }
  }
  const errors = attempt.error instanceof Refusal ? attempt.error.byPath : {}
  return (
    <Drawer opened onClose={close} position="right" size="lg" title={until ? `Dry run up to ${until.name}` : 'Dry run'} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Text size="sm" c="dimmed" mb="md">
        Decisions, loops and transforms are really computed; what would touch the outside is answered with what you write here.
      </Text>
      {schema && <SchemaForm schema={schema} values={given} onChange={setGiven} errors={errors} />}
      <Textarea
        mt="md"
        label="Answers of tools, agents and people"
        description="By the id of the step, as YAML"
        placeholder={'orders: {rows: []}\nok: {choice: send}'}
        error={broken}
        autosize
        minRows={3}
        maxRows={14}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12.5 } }}
        value={stubs}
        onChange={({ currentTarget }) => setStubs(currentTarget.value)}
      />
      {!fresh && <FillIn project={project} name={name} onStubs={setStubs} />}
      <Group mt="md">
        <Button loading={attempt.isPending} onClick={begin}>
          Try it
        </Button>
      </Group>
      {attempt.error && (
        <Alert mt="md" color="red" variant="light" role="alert" title="It could not begin">
          {sentence(attempt.error)}
        </Alert>
      )}
      {attempt.data && (
        <section aria-label="Result of the dry run" style={{ marginTop: 20 }}>
          <OutcomeBadge status={attempt.data.status} />
          {attempt.data.error && (
            <Text size="sm" mt="xs" c="var(--mantine-color-error)">
              {attempt.data.error.step && `${attempt.data.error.step}: `}
              {attempt.data.error.message} {attempt.data.error.hint}
            </Text>
          )}
          <Text size="sm" fw={500} mt="sm" mb={4}>
            Output
          </Text>
          <RecordedValue value={attempt.data.output} label="Output of the dry run" />
          {attempt.data.steps.map((step) => (
            <details key={step.path} style={{ marginTop: 8 }}>
              <summary>
                {isOutcome(step.status) && <OutcomeIcon status={step.status} size={13} />} <code>{step.path}</code> {kindOfRecord(step.kind)}
              </summary>
              <RecordedValue value={step.output} label={`Output of ${step.path}`} />
            </details>
          ))}
        </section>
      )}
    </Drawer>
  )
}

const OUTSIDE = new Set(['tool', 'agent', 'run', 'wait_for', 'approve', 'notify'])

/** Takes the answers from the last run that succeeded. */
function FillIn({ project, name, onStubs }: { project: string; name: string; onStubs: (stubs: string) => void }) {
  const { data: last } = useQuery({ ...lastValuesQuery(project, name), enabled: name !== '', retry: false })
  const answered = last?.steps.filter(({ kind, status, output_size: size }) => OUTSIDE.has(kind) && status === 'succeeded' && !size) ?? []
  if (answered.length === 0) return null
  const fill = () => onStubs(stringify(Object.fromEntries(answered.map(({ path, output }) => [path, output])), { lineWidth: 0 }))
  return (
    <Button mt={6} size="compact-xs" variant="subtle" onClick={fill}>
      As in the last run ({answered.length} answers)
    </Button>
  )
}

/** The form of the draft's own params. */
function paramsOf(text: string): FieldSchema | null {
  try {
    const params = (parse(text) as { params?: Record<string, FieldSchema> } | null)?.params
    if (!params) return null
    const required = Object.entries(params).flatMap(([param, field]) => ('default' in field || 'from' in field ? [] : [param]))
    return { properties: params, required }
  } catch {
    return null
  }
}
