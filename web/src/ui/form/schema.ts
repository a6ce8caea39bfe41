import type { JsonValue } from '@/api/generated/schema'

/** What a form needs to know of a JSON Schema. */
export interface FieldSchema {
  type?: string | string[]
  title?: string
  description?: string
  enum?: JsonValue[]
  default?: JsonValue
  format?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  items?: FieldSchema
  properties?: Record<string, FieldSchema>
  required?: string[]
  examples?: JsonValue[]
}

export type Values = Record<string, JsonValue>

export type FieldKind = 'choice' | 'switch' | 'number' | 'lines' | 'text' | 'date' | 'moment' | 'list' | 'json'

/** Which control fits. What has no fitting one is written as JSON. */
export function kindOf(schema: FieldSchema): FieldKind {
  if (schema.enum?.every((one) => typeof one === 'string' || typeof one === 'number')) return 'choice'
  const types = [schema.type ?? []].flat().filter((one) => one !== 'null')
  if (types.length !== 1) return 'json'
  switch (types[0]) {
    case 'boolean':
      return 'switch'
    case 'integer':
    case 'number':
      return 'number'
    case 'string':
      if (schema.format === 'textarea' || schema.format === 'markdown') return 'lines'
      if (schema.format === 'date') return 'date'
      if (schema.format === 'date-time') return 'moment'
      return 'text'
    case 'array':
      return schema.items && kindOf(schema.items) === 'text' ? 'list' : 'json'
    default:
      return 'json'
  }
}

/** Fields in their order. */
export const fieldsOf = (schema: FieldSchema): [string, FieldSchema][] => Object.entries(schema.properties ?? {})

export const isRequired = (schema: FieldSchema, name: string): boolean => schema.required?.includes(name) ?? false

/** A default that is worked out only when the run starts. */
export const isComputed = (value: JsonValue | undefined): boolean => typeof value === 'string' && value.includes('{{')

/** The value a field shows before anybody touches it. */
export function initial(schema: FieldSchema): JsonValue | undefined {
  return isComputed(schema.default) ? undefined : schema.default
}
