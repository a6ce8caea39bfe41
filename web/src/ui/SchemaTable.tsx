import { Text } from '@mantine/core'

import type { JsonValue } from '@/api/generated/schema'
import { Rows } from './Rows'
import { Source } from './Source'
import table from './Table.module.css'
import classes from './SchemaTable.module.css'

type Schema = Record<string, JsonValue>

/** What a JSON Schema asks for, a line for each part; the whole of it below. */
export function SchemaTable({ schema, label, none }: { schema: Schema; label: string; none: string }) {
  const parts = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
  const required = Array.isArray(schema.required) ? schema.required : []
  return (
    <div className={classes.schema}>
      {parts.length === 0 ? (
        <Text size="sm" c="dimmed">
          {schema.type === 'object' || Object.keys(schema).length === 0 ? none : typeOf(schema)}
        </Text>
      ) : (
        <Rows label={label} columns={['Name', 'Kind', 'What it is']}>
          {parts.map(([name, part]) => (
            <tr key={name}>
              <td>
                <code>{name}</code>
                {required.includes(name) && (
                  <Text span size="xs" c="dimmed">
                    {' '}
                    required
                  </Text>
                )}
              </td>
              <td className={table.dim}>{typeOf(part)}</td>
              <td className={classes.about}>
                <bdi>{typeof part.description === 'string' ? part.description : ''}</bdi>
                {part.default !== undefined && part.default !== null && (
                  <Text span size="xs" c="dimmed">
                    {' '}
                    else {JSON.stringify(part.default)}
                  </Text>
                )}
              </td>
            </tr>
          ))}
        </Rows>
      )}
      <details className={classes.whole}>
        <summary>The whole schema</summary>
        <Source text={JSON.stringify(schema, null, 2)} label={`${label}, as JSON Schema`} />
      </details>
    </div>
  )
}

/** `text`, `list of numbers`, `one of "a", "b"`. */
function typeOf(schema: Schema): string {
  if (Array.isArray(schema.enum)) return schema.enum.map((one) => JSON.stringify(one)).join(' or ')
  const choices = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined
  if (Array.isArray(choices)) return [...new Set(choices.map(typeOf))].filter((one) => one !== 'nothing').join(' or ')
  const types = [schema.type ?? []].flat().filter((one) => one !== 'null')
  const named = types.map((type) => (type === 'array' && schema.items ? `list of ${typeOf(schema.items as Schema)}` : NAMES[String(type)] ?? String(type)))
  return named.join(' or ') || (schema.type === 'null' ? 'nothing' : 'anything')
}

const NAMES: Record<string, string> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'yes or no',
  object: 'object',
  array: 'list',
}
