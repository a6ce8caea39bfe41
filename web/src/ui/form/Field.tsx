import { NumberInput, Select, Switch, TagsInput, Textarea, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'

import type { JsonValue } from '@/api/generated/schema'
import { ticked } from '@/ui/Ticked'
import { type FieldSchema, isComputed, kindOf } from './schema'

interface FieldProps {
  name: string
  schema: FieldSchema
  value: JsonValue | undefined
  required: boolean
  error: string | undefined
  disabled: boolean
  onChange: (value: JsonValue | undefined) => void
}

/** One value of a form, with the control that fits its schema. */
export function Field({ name, schema, value, required, error, disabled, onChange }: FieldProps) {
  const common = {
    label: schema.title ?? name,
    description: ticked(schema.description),
    error: ticked(error),
    disabled,
    withAsterisk: required,
    placeholder: isComputed(schema.default) ? `worked out at the start: ${String(schema.default)}` : undefined,
  }
  switch (kindOf(schema)) {
    case 'choice': {
      const data = (schema.enum ?? []).map(String)
      const pick = (chosen: string | null) => onChange(schema.enum?.find((one) => String(one) === chosen))
      return <Select {...common} data={data} value={value === undefined ? null : String(value)} onChange={pick} clearable={!required} searchable={data.length > 8} />
    }
    case 'switch':
      return (
        <Switch
          label={common.label}
          description={common.description}
          error={common.error}
          disabled={disabled}
          checked={value === true}
          onChange={({ currentTarget: { checked } }) => onChange(checked)}
        />
      )
    case 'number':
      return (
        <NumberInput
          {...common}
          value={typeof value === 'number' ? value : ''}
          min={schema.minimum}
          max={schema.maximum}
          allowDecimal={schema.type !== 'integer'}
          clampBehavior="none"
          onChange={(number) => onChange(number === '' ? undefined : Number(number))}
        />
      )
    case 'lines':
      return <Textarea {...common} autosize minRows={4} maxRows={20} value={asText(value)} onChange={({ currentTarget }) => onChange(currentTarget.value)} />
    case 'date':
    case 'moment':
      return (
        <TextInput
          {...common}
          type={kindOf(schema) === 'date' ? 'date' : 'text'}
          placeholder={common.placeholder ?? (kindOf(schema) === 'moment' ? '2026-12-01T09:00:00+01:00' : undefined)}
          value={asText(value)}
          onChange={({ currentTarget }) => onChange(currentTarget.value || undefined)}
        />
      )
    case 'list':
      return <TagsInput {...common} value={Array.isArray(value) ? value.map(String) : []} onChange={onChange} splitChars={[',', '\n']} />
    case 'text':
      return <TextInput {...common} value={asText(value)} maxLength={schema.maxLength} onChange={({ currentTarget }) => onChange(currentTarget.value === '' && !required ? undefined : currentTarget.value)} />
    case 'json':
      return <JsonField common={common} value={value} onChange={onChange} />
  }
}

interface JsonFieldProps {
  common: { label: string; description: ReactNode; error: ReactNode; disabled: boolean; withAsterisk: boolean }
  value: JsonValue | undefined
  onChange: (value: JsonValue | undefined) => void
}

/** A value written as JSON; what cannot be read yet stays as typed, and says so. */
function JsonField({ common, value, onChange }: JsonFieldProps) {
  const [text, setText] = useState(() => (value === undefined ? '' : JSON.stringify(value, null, 2)))
  const [broken, setBroken] = useState<string | null>(null)
  const typed = (now: string) => {
    setText(now)
    try {
      onChange(now.trim() === '' ? undefined : (JSON.parse(now) as JsonValue))
      setBroken(null)
    } catch {
      setBroken('This is no JSON yet: lists are [1, 2], objects {"name": "value"}, texts stand in quotes.')
    }
  }
  return (
    <Textarea
      {...common}
      error={broken ?? common.error}
      autosize
      minRows={3}
      maxRows={16}
      styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
      value={text}
      onChange={({ currentTarget }) => typed(currentTarget.value)}
    />
  )
}

const asText = (value: JsonValue | undefined): string => (value === undefined || value === null ? '' : String(value))
