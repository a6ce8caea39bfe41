import { ActionIcon, Group, Select, Stack, Text, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import type { JsonValue, RunView, StepView } from '@/api/generated/schema'
import { paramsQuery } from '@/api/queries'
import type { FieldSchema, Values } from '@/ui/form/schema'
import { SchemaForm } from '@/ui/form/SchemaForm'
import { IconTrash } from '@/ui/icons'
import { editableBefore } from './editable'
import { textPart } from './Recorded'

const MONO = { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12.5 } }
/** Bytes that an edited output may have; the server says the same. */
const LARGEST_EDITED = 2 ** 16

interface EditedArgumentsProps {
  project: string
  task: string
  version: number
  values: Values
  errors: Record<string, string>
  onChange: (values: Values) => void
}

/** The arguments of the new run, beginning with those of the old. */
export function EditedArguments({ project, task, version, values, errors, onChange }: EditedArgumentsProps) {
  const { data: schema } = useQuery(paramsQuery(project, task, version))
  if (!schema) return null
  const none = Object.keys((schema as FieldSchema).properties ?? {}).length === 0
  return (
    <Stack gap="xs" mt="sm" component="section" aria-label="Arguments">
      {none ? (
        <Text size="sm" c="dimmed">
          This task takes no arguments.
        </Text>
      ) : (
        <SchemaForm schema={schema as FieldSchema} values={values} errors={errors} onChange={onChange} />
      )}
    </Stack>
  )
}

interface EditedOutputsProps {
  run: RunView
  from: string
  outputs: Record<string, JsonValue>
  onChange: (outputs: Record<string, JsonValue>) => void
  /** Something that was typed cannot be read. */
  onBroken: (broken: boolean) => void
}

/** What steps before the one to begin with gave, written anew: the later steps get that. */
export function EditedOutputs({ run, from, outputs, onChange, onBroken }: EditedOutputsProps) {
  const [texts, setTexts] = useState<Record<string, string>>({})
  const offered = editableBefore(run, from)
  if (offered.length === 0) return null
  const put = (path: string, text: string) => {
    const now = { ...texts, [path]: text }
    setTexts(now)
    const read = Object.entries(now).map(([name, one]) => [name, readable(one)] as const)
    onBroken(read.some(([, value]) => value === undefined))
    onChange({ ...outputs, ...Object.fromEntries(read.filter((pair): pair is [string, JsonValue] => pair[1] !== undefined)) })
  }
  const drop = (path: string) => {
    const left = Object.fromEntries(Object.entries(texts).filter(([name]) => name !== path))
    setTexts(left)
    onBroken(Object.values(left).some((text) => readable(text) === undefined))
    onChange(Object.fromEntries(Object.entries(outputs).filter(([name]) => name !== path)))
  }
  const add = async (step: StepView) => put(step.path, JSON.stringify(await outputOf(run.id, step), null, 2))
  return (
    <Stack gap="xs" mt="md" component="section" aria-label="Outputs of earlier steps">
      <Select
        label="Output of an earlier step"
        description="The step is not done again: the new run takes what you write here for its output."
        placeholder="Choose a step"
        searchable
        limit={100}
        value={null}
        data={offered.filter(({ path }) => !(path in texts)).map(({ path, title }) => ({ value: path, label: title ? `${path} (${title})` : path }))}
        onChange={(path) => {
          const step = offered.find((one) => one.path === path)
          if (step) void add(step)
        }}
      />
      {Object.entries(texts).map(([path, text]) => (
        <Group key={path} align="flex-start" gap="xs" wrap="nowrap">
          <Textarea
            style={{ flex: 1 }}
            label={`Output of ${path}`}
            error={readable(text) === undefined ? 'This is no JSON yet: texts stand in quotes, lists in [ ], objects in { }.' : undefined}
            autosize
            minRows={2}
            maxRows={12}
            styles={MONO}
            value={text}
            onChange={({ currentTarget }) => put(path, currentTarget.value)}
          />
          <ActionIcon mt={26} variant="subtle" color="gray" aria-label={`Take ${path} as it was`} onClick={() => drop(path)}>
            <IconTrash size={15} />
          </ActionIcon>
        </Group>
      ))}
    </Stack>
  )
}

async function outputOf(run: string, step: StepView): Promise<JsonValue> {
  if (!step.output_size) return step.output
  if (step.output_size > LARGEST_EDITED) return null
  return JSON.parse((await textPart(run, step.path, 'output', 0, LARGEST_EDITED)).text) as JsonValue
}

function readable(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
