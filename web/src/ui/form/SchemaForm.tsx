import { Stack } from '@mantine/core'

import type { JsonValue } from '@/api/generated/schema'
import { Field } from './Field'
import { type FieldSchema, fieldsOf, initial, isRequired, type Values } from './schema'

interface SchemaFormProps {
  schema: FieldSchema
  /** Only what was touched: what is left out keeps its default, which the server knows. */
  values: Values
  onChange: (values: Values) => void
  /** By the path of a field. */
  errors?: Record<string, string>
  disabled?: boolean
}

/** A form drawn from a JSON Schema. */
export function SchemaForm({ schema, values, onChange, errors = {}, disabled = false }: SchemaFormProps) {
  const set = (name: string, value: JsonValue | undefined) => {
    const others = Object.fromEntries(Object.entries(values).filter(([other]) => other !== name))
    onChange(value === undefined ? others : { ...others, [name]: value })
  }
  return (
    <Stack gap="md">
      {fieldsOf(schema).map(([name, field]) => (
        <Field
          key={name}
          name={name}
          schema={field}
          value={values[name] ?? initial(field)}
          required={isRequired(schema, name)}
          error={problemOf(errors, name)}
          disabled={disabled}
          onChange={(value) => set(name, value)}
        />
      ))}
    </Stack>
  )
}

/** What is wrong with a field or with anything in it. */
function problemOf(errors: Record<string, string>, name: string): string | undefined {
  const found = Object.entries(errors).find(([path]) => path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`))
  return found?.[1]
}
