import { Divider, Select, Stack, TagsInput, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { parse } from 'yaml'

import { toolsQuery } from '@/api/catalogue'
import type { Problem } from '@/api/generated/schema'
import type { FieldSchema } from '@/ui/form/schema'
import type { OutlineStep } from '@/ui/steps/outline'
import { ticked } from '@/ui/Ticked'
import { asPath, asYaml, valueAt, withField } from './definition'
import { ExpressionField } from './ExpressionField'
import classes from './Editor.module.css'
import { fieldsOfKind, KINDS, modeOf, SHARED, type StepField } from './kinds'
import { fileSchemaQuery } from './queries'
import type { Named } from './scope'
import type { Mode } from './suggest'

interface StepFormProps {
  project: string
  text: string
  step: OutlineStep
  problems: readonly Problem[]
  /** Names that expressions of this step can read. */
  names: readonly Named[]
  onChange: (text: string) => void
}

/** The fields of a step: those of its kind from the schema of task files, those of its tool from the tool's. */
export function StepForm({ project, text, step, problems, names, onChange }: StepFormProps) {
  const schema = useQuery(fileSchemaQuery)
  const own = (valueAt(text, step.path) ?? {}) as Record<string, unknown>
  // Open where one of them is used; most steps use none.
  const [opened, setOpened] = useState(() => [...SHARED].some((name) => name !== 'id' && name !== 'title' && own[name] !== undefined))
  const key = KINDS.find(({ kind }) => kind === step.kind)?.key
  if (!schema.data || !key) return null
  const fields = fieldsOfKind(schema.data, key)
  const path = asPath(step.path)
  const rest = fields.filter(({ rare }) => rare)
  const set = (name: string, given: unknown, inside?: string) => onChange(withField(text, inside ? [...step.path, inside] : step.path, name, given))
  const errorOf = (name: string) => problems.find((one) => one.path === `${path}.${name}` || one.path.startsWith(`${path}.${name}.`) || one.path.startsWith(`${path}.${name}[`))?.message
  const draw = (field: StepField) =>
    field.name === 'tool' ? (
      <ToolChoice key="tool" project={project} value={String(own.tool ?? '')} error={errorOf('tool')} onChange={(tool) => set('tool', tool)} />
    ) : (
      <StepFieldInput key={`${field.inside} ${field.name}`} field={field} mode={modeOf(field.name)} names={names} value={valueOf(own, field)} error={errorOf(field.inside ? `${field.inside}.${field.name}` : field.name)} onChange={(given) => set(field.name, given, field.inside)} />
    )
  return (
    <Stack gap="sm">
      {fields.filter(({ shared, rare }) => !shared && !rare).map(draw)}
      {'tool' in own && (
        <ToolArguments
          project={project}
          tool={String(own.tool)}
          given={(own.with ?? {}) as Record<string, unknown>}
          names={names}
          errorOf={(name) => errorOf(`with.${name}`)}
          onChange={(name, given) => onChange(withField(text, [...step.path, 'with'], name, given))}
        />
      )}
      <Divider label="On every step" labelPosition="left" />
      {fields.filter(({ shared, rare }) => shared && !rare).map(draw)}
      <details className={classes.more} open={opened} onToggle={({ currentTarget }) => setOpened(currentTarget.open)}>
        <summary>{key === 'approve' ? 'More: answer form, reminders, condition, retries' : 'More: condition, retries, time limit, cache'}</summary>
        <Stack gap="sm">{opened && rest.map(draw)}</Stack>
      </details>
    </Stack>
  )
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the file says in a field, or in the object that the field is a part of. */
function valueOf(own: Record<string, unknown>, { inside, name }: StepField): unknown {
  if (!inside) return own[name]
  const object = own[inside]
  return isObject(object) ? object[name] : undefined
}

interface InputProps {
  field: StepField
  mode: Mode | null
  names: readonly Named[]
  value: unknown
  error: string | undefined
  onChange: (value: unknown) => void
}

const MONO = { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12.5 } }

/** One field. What is typed goes into the file when the field is left, so that half a value is never checked. */
function StepFieldInput({ field, mode, names, value, error, onChange }: InputProps) {
  const common = { label: field.name.replaceAll('_', ' '), description: ticked(field.schema.description), error: ticked(error) }
  if (field.control === 'choice') {
    const data = (field.schema.enum ?? []).map(String)
    return <Select {...common} data={data} value={value === undefined ? null : String(value)} clearable onChange={(chosen) => onChange(chosen ?? undefined)} />
  }
  if (field.control === 'list' && (value === undefined || Array.isArray(value))) {
    return <TagsInput {...common} value={(value ?? []).map(String)} splitChars={[',', '\n']} onChange={(list) => onChange(list.length ? list : undefined)} />
  }
  if (field.control === 'yaml' || field.control === 'list') return <YamlInput key={asYaml(value)} common={common} value={value} onChange={onChange} />
  const shown = value === undefined ? '' : String(value)
  const leave = (typed: string) => {
    if (typed !== shown) onChange(typed === '' ? undefined : asScalar(typed, field.schema))
  }
  if (mode !== null) {
    const lines = field.control === 'line' ? 'one' : field.control === 'code' ? 'code' : 'several'
    return <ExpressionField key={shown} common={common} lines={lines} mode={mode} names={names} shown={shown} onLeave={leave} />
  }
  return field.control === 'line' ? (
    <TextInput key={shown} {...common} defaultValue={shown} onBlur={({ currentTarget }) => leave(currentTarget.value)} />
  ) : (
    <Textarea key={shown} {...common} autosize minRows={3} maxRows={18} defaultValue={shown} onBlur={({ currentTarget }) => leave(currentTarget.value)} />
  )
}

interface YamlInputProps {
  common: { label: string; description: ReactNode; error: ReactNode }
  value: unknown
  onChange: (value: unknown) => void
}

/** A value that is no plain text, written as in the file. */
function YamlInput({ common, value, onChange }: YamlInputProps) {
  const [broken, setBroken] = useState<string | null>(null)
  const leave = (typed: string) => {
    if (typed === asYaml(value)) return
    try {
      onChange(typed.trim() === '' ? undefined : parse(typed))
      setBroken(null)
    } catch (error) {
      setBroken(error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : 'This cannot be read as YAML.')
    }
  }
  return (
    <Textarea {...common} error={broken ?? common.error} autosize minRows={1} maxRows={12} styles={MONO} defaultValue={asYaml(value)} onBlur={({ currentTarget }) => leave(currentTarget.value)} />
  )
}

function ToolChoice({ project, value, error, onChange }: { project: string; value: string; error: string | undefined; onChange: (tool: string) => void }) {
  const { data } = useQuery(toolsQuery(project))
  const chosen = data?.find(({ name }) => name === value)
  return (
    <Select
      label="tool"
      description={chosen?.description}
      error={error}
      searchable
      allowDeselect={false}
      data={[...new Set([...(data ?? []).map(({ name }) => name), value])].sort()}
      value={value}
      onChange={(tool) => tool && tool !== value && onChange(tool)}
    />
  )
}

interface ToolArgumentsProps {
  project: string
  tool: string
  given: Record<string, unknown>
  names: readonly Named[]
  errorOf: (name: string) => string | undefined
  onChange: (name: string, value: unknown) => void
}

/** What the tool takes, from its own schema; a value may hold expressions in {{ }}. */
function ToolArguments({ project, tool, given, names, errorOf, onChange }: ToolArgumentsProps) {
  const { data } = useQuery(toolsQuery(project))
  const schema = data?.find(({ name }) => name === tool)?.input_schema as FieldSchema | undefined
  if (!schema) return <Text size="sm" c="dimmed">Nothing is known of the tool {tool}: write its arguments in the YAML.</Text>
  return Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const plain = ['string', 'integer', 'number', 'boolean'].includes(String(field.type)) && typeof given[name] !== 'object'
    const control = field.enum ? 'choice' : plain ? (String(given[name] ?? '').includes('\n') ? 'lines' : 'line') : 'yaml'
    return (
      <StepFieldInput
        key={name}
        field={{ name, schema: field, control, shared: false }}
        mode="template"
        names={names}
        value={given[name]}
        error={errorOf(name)}
        onChange={(value) => onChange(name, value)}
      />
    )
  })
}

/** A number where the schema wants one and no expression stands there; else the text. */
function asScalar(typed: string, schema: FieldSchema): unknown {
  const wants = (type: string) => [schema.type].flat().includes(type)
  if (typed.includes('{{')) return typed
  if ((wants('integer') || wants('number')) && typed.trim() !== '' && Number.isFinite(Number(typed))) return Number(typed)
  if (wants('boolean') && /^(true|false)$/.test(typed)) return typed === 'true'
  return typed
}
