import type { FieldSchema } from '@/ui/form/schema'
import type { StepKind } from '@/ui/steps/outline'

/** A kind that can be added: its name, what it does, and what a new one begins with. */
export interface AddableKind {
  kind: StepKind
  /** The key that makes a step one of this kind. */
  key: string
  about: string
  begin: Record<string, unknown>
}

export const KINDS: readonly AddableKind[] = [
  { kind: 'tool', key: 'tool', about: 'Call a tool', begin: { tool: 'log', with: { message: 'hello' } } },
  { kind: 'agent', key: 'prompt', about: 'Let an agent work', begin: { prompt: 'Say what to do' } },
  { kind: 'python', key: 'python', about: 'Compute something', begin: { python: '1 + 1' } },
  { kind: 'if', key: 'if', about: 'Decide between two ways', begin: { if: 'True', then: [{ wait: '1s' }] } },
  { kind: 'switch', key: 'switch', about: 'Decide between many ways', begin: { switch: "'a'", cases: { a: [{ wait: '1s' }] } } },
  { kind: 'for each', key: 'for_each', about: 'Do it for every item of a list', begin: { for_each: '[1, 2, 3]', as: 'item', do: [{ python: 'item' }] } },
  { kind: 'repeat', key: 'repeat', about: 'Do it until something holds', begin: { repeat: [{ wait: '1s' }], until: 'True', max: 10 } },
  { kind: 'parallel', key: 'parallel', about: 'Do several things at the same time', begin: { parallel: { one: [{ wait: '1s' }], other: [{ wait: '1s' }] } } },
  { kind: 'task', key: 'run', about: 'Run another task', begin: { run: 'other-task' } },
  { kind: 'wait', key: 'wait', about: 'Wait for some time', begin: { wait: '1h' } },
  { kind: 'event', key: 'wait_for', about: 'Wait for an event', begin: { wait_for: { event: 'name', timeout: '1d' } } },
  { kind: 'approval', key: 'approve', about: 'Ask people', begin: { approve: { question: 'Go on?', choices: ['go_on', 'stop'] } } },
  { kind: 'notify', key: 'notify', about: 'Tell people', begin: { notify: { to: 'secret:CHANNEL', title: 'News', body: 'Something happened' } } },
  { kind: 'finish', key: 'finish', about: 'End the run', begin: { finish: { status: 'succeeded' } } },
]

/** Fields whose value is a block of steps: the tree shows them, a form does not. */
const BLOCKS = new Set(['then', 'else', 'cases', 'default', 'do', 'repeat', 'parallel'])
const CODE = new Set(['python'])
const LINES = new Set(['prompt', 'question', 'body'])
/** Objects that are written part by part. */
const APART = new Set(['approve', 'notify', 'wait_for'])
/** Their parts that are nearly always written. */
const OFTEN = new Set(['question', 'choices', 'approvers', 'to', 'title', 'body', 'event', 'key', 'timeout'])
/** On every kind; shown below what the kind itself asks for. */
export const SHARED = new Set(['id', 'title', 'when', 'retry', 'timeout', 'cache', 'keep', 'on_crash', 'on_error'])

export interface StepField {
  name: string
  schema: FieldSchema & { $ref?: string; anyOf?: unknown[]; oneOf?: unknown[] }
  control: 'line' | 'lines' | 'code' | 'choice' | 'list' | 'yaml'
  shared: boolean
  /** The field whose object it is a part of: `approve` of its question. */
  inside?: string
  /** Rarely written: shown where it is asked for. */
  rare?: boolean
}

interface FileSchema {
  $defs: Record<string, { properties?: Record<string, StepField['schema']> }>
}

const EXPRESSIONS = new Set(['python', 'if', 'when', 'until', 'switch', 'for_each'])
const PLAIN = new Set(['id', 'title', 'as', 'agent', 'model', 'tool', 'run', 'timeout', 'max_parallel', 'max', 'batch', 'on_crash'])

/** Where expressions stand in a field: the whole text is one, or what is in {{ }}; null: it holds none. */
export const modeOf = (name: string): 'code' | 'template' | null =>
  EXPRESSIONS.has(name) ? 'code' : PLAIN.has(name) ? null : 'template'

/** The fields of a kind, drawn from the schema of task files. */
export function fieldsOfKind(schema: unknown, key: string): StepField[] {
  const { $defs } = schema as FileSchema
  const properties = $defs[`step-${key}`]?.properties ?? {}
  return Object.entries(properties)
    .filter(([name]) => !BLOCKS.has(name) && name !== 'with')
    .flatMap(([name, field]) => {
      const target = resolved($defs, field)
      if (!APART.has(name) || !target.properties) return [fieldOf(name, target)]
      return Object.entries(target.properties).map(([part, inner]) => ({
        ...fieldOf(part, resolved($defs, inner)),
        inside: name,
        shared: false,
        rare: !OFTEN.has(part),
      }))
    })
}

const resolved = ($defs: FileSchema['$defs'], field: StepField['schema']): StepField['schema'] =>
  field.$ref ? ({ ...$defs[field.$ref.replace('#/$defs/', '')], ...field } as StepField['schema']) : field

const fieldOf = (name: string, schema: StepField['schema']): StepField => ({
  name,
  schema,
  control: controlOf(name, schema),
  shared: SHARED.has(name),
  rare: SHARED.has(name) && name !== 'id' && name !== 'title',
})

function controlOf(name: string, schema: FieldSchema & { anyOf?: unknown[]; oneOf?: unknown[] }): StepField['control'] {
  if (CODE.has(name)) return 'code'
  if (LINES.has(name)) return 'lines'
  if (schema.enum) return 'choice'
  if (schema.type === 'array' && (schema.items as FieldSchema | undefined)?.type === 'string') return 'list'
  if (schema.type === 'string' || schema.type === 'integer' || schema.type === 'number') return 'line'
  return 'yaml'
}
