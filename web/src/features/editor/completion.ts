import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'

/** As much of JSON Schema as the schema of task files uses. */
interface Schema {
  $ref?: string
  $defs?: Record<string, Schema>
  description?: string
  enum?: unknown[]
  const?: unknown
  type?: string | string[]
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  then?: Schema
  else?: Schema
}

/** The keys above a line, from its indentation: `['steps', '*', 'retry']`; `*` is an item of a list. */
export function keysAbove(lines: readonly string[], line: number, column: number): string[] {
  const found: string[] = []
  let indent = column
  for (let number = line - 1; number >= 0 && indent > 0; number--) {
    const read = /^(\s*)((?:- )*)([\w-]+):/.exec(lines[number] ?? '')
    if (!read) continue
    const [, space = '', dashes = '', key = ''] = read
    const inner = space.length + dashes.length
    if (inner < indent) {
      found.unshift(key)
      indent = inner
    }
    if (dashes && space.length < indent) {
      found.unshift('*')
      indent = space.length
    }
  }
  return found
}

/** Every schema that can hold at a path. */
export function schemasAt(root: Schema, path: readonly string[]): Schema[] {
  return path.reduce<Schema[]>((schemas, key) => schemas.flatMap((schema) => inner(root, schema, key)), variants(root, root))
}

function inner(root: Schema, schema: Schema, key: string): Schema[] {
  if (key === '*') return schema.items ? variants(root, schema.items) : []
  const own = schema.properties?.[key]
  if (own) return variants(root, own)
  return typeof schema.additionalProperties === 'object' ? variants(root, schema.additionalProperties) : []
}

/** The schema itself, and whatever it may be instead. */
function variants(root: Schema, schema: Schema, depth = 0): Schema[] {
  if (depth > 8) return []
  const target = schema.$ref ? root.$defs?.[schema.$ref.replace('#/$defs/', '')] : undefined
  const others = [target, schema.then, schema.else, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
  return [schema, ...others.flatMap((one) => (one ? variants(root, one, depth + 1) : []))]
}

/** Completes keys and the values of enumerations from the schema of task files. */
export function completeFrom(schema: unknown) {
  const root = schema as Schema
  return (context: CompletionContext): CompletionResult | null => {
    const line = context.state.doc.lineAt(context.pos)
    const before = line.text.slice(0, context.pos - line.from)
    const lines = context.state.doc.toString().split('\n')
    const value = /^(\s*(?:- )*)([\w-]+):\s+([\w-]*)$/.exec(before)
    if (value) {
      const [, space = '', key = '', typed = ''] = value
      const schemas = schemasAt(root, [...keysAbove(lines, line.number - 1, space.length), ...starred(space), key])
      const options = schemas.flatMap(({ enum: given = [] }) => given.map((one) => ({ label: String(one), type: 'enum' })))
      return options.length ? { from: context.pos - typed.length, options: distinct(options) } : null
    }
    const key = /^(\s*(?:- )*)([\w-]*)$/.exec(before)
    if (!key || (!key[2] && !context.explicit)) return null
    const [, space = '', typed = ''] = key
    const schemas = schemasAt(root, [...keysAbove(lines, line.number - 1, space.length), ...starred(space)])
    const options = schemas.flatMap(({ properties = {} }) =>
      Object.entries(properties).map(([label, { description }]) => ({ label, type: 'property', apply: `${label}: `, ...(description ? { info: description } : {}) })),
    )
    return options.length ? { from: context.pos - typed.length, options: distinct(options) } : null
  }
}

/** `- ` before the cursor means an item of the list above. */
const starred = (space: string): string[] => (space.includes('-') ? ['*'] : [])

const distinct = (options: Completion[]): Completion[] => [...new Map(options.map((one) => [one.label, one])).values()]
