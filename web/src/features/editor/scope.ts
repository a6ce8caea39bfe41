import { parse } from 'yaml'

import type { FieldSchema } from '@/ui/form/schema'
import { type FilePath, outlineOf, type OutlineBlock, type OutlineStep } from '@/ui/steps/outline'
import { asPath } from './definition'

/** A name that an expression can read, what it is, and an example of its value where one is known. */
export interface Named {
  name: string
  about: string
  /** A value that it had, or one made up from its schema: its keys are offered. */
  sample?: unknown
}

/** The names that every expression of a run sees. */
const ALWAYS: readonly Named[] = [
  { name: 'run', about: 'this run', sample: { id: '', task: '', project: '', version: 1, started_at: '', starter: '' } },
  { name: 'trigger', about: 'what started it', sample: { kind: '', id: '' } },
  { name: 'payload', about: 'what came with it' },
  { name: 'state', about: 'what earlier runs kept' },
  { name: 'now', about: 'start of the run' },
  { name: 'clock', about: 'clock.now: this moment' },
  ...['date', 'datetime', 'timedelta', 'json', 're', 'math'].map((name) => ({ name, about: 'of Python' })),
]

interface Known {
  /** Values of steps, by id: of a dry run, or of the last run. */
  values: ReadonlyMap<string, unknown>
  /** Schemas of what tools give, by the tool's name. */
  outputs: ReadonlyMap<string, FieldSchema>
}

/** The names in scope at a step: params, steps before it, what loops around it call their item. */
export function scopeAt(text: string, path: FilePath, known: Known): Named[] {
  const outline = outlineOf(text)
  const blocks: OutlineBlock[] = [
    { label: '', path: ['steps'], steps: outline.steps },
    { label: 'on error', path: ['on_error'], steps: outline.onError },
    { label: 'finally', path: ['finally'], steps: outline.finally },
  ]
  const file = fileOf(text)
  const found: Named[] = Object.keys(file.params ?? {}).map((name) => ({ name, about: 'param', sample: sampleOf(file.params?.[name]) }))
  const wanted = asPath(path)
  const late = path[0] !== 'steps'
  if (late) found.push(...allOf(blocks[0]?.steps ?? [], file, known))
  if (path[0] === 'on_error') found.push({ name: 'error', about: 'what went wrong', sample: { kind: '', message: '', step: '' } })
  const block = blocks.find((one) => one.path[0] === path[0])
  if (block) walk(block.steps, wanted, file, known, found)
  return [...new Map([...found, ...ALWAYS].map((one) => [one.name, one])).values()]
}

interface File {
  params?: Record<string, FieldSchema>
  root: unknown
}

function fileOf(text: string): File {
  try {
    const root: unknown = parse(text)
    const params = root !== null && typeof root === 'object' && 'params' in root ? (root.params as File['params']) : undefined
    return { root, ...(params ? { params } : {}) }
  } catch {
    return { root: null }
  }
}

/** Collect what is seen on the way to a step; true once it is reached. */
function walk(steps: readonly OutlineStep[], wanted: string, file: File, known: Known, found: Named[]): boolean {
  for (const step of steps) {
    if (asPath(step.path) === wanted) return true
    const inside = step.blocks.find(({ path }) => wanted.startsWith(`${asPath(path)}[`))
    if (inside) {
      const item = itemOf(step, file)
      if (item) found.push({ name: item, about: 'item of the loop' })
      return walk(inside.steps, wanted, file, known, found)
    }
    found.push(...namesOf(step, file, known))
  }
  return false
}

/** What a step leaves for those after it: its own id, and ids in its branches, but not in its loops. */
function namesOf(step: OutlineStep, file: File, known: Known): Named[] {
  const own: Named[] = step.id ? [{ name: step.id, about: step.kind, sample: valueOf(step, file, known) }] : []
  const loops = step.kind === 'for each' || step.kind === 'repeat'
  return loops ? own : [...own, ...step.blocks.flatMap((block) => allOf(block.steps, file, known))]
}

const allOf = (steps: readonly OutlineStep[], file: File, known: Known): Named[] => steps.flatMap((step) => namesOf(step, file, known))

function valueOf(step: OutlineStep, file: File, known: Known): unknown {
  if (step.id && known.values.has(step.id)) return known.values.get(step.id)
  const fields = at(file.root, step.path)
  if (step.kind === 'approval') return { choice: '', form: {}, by: '', at: '' }
  if (step.kind === 'tool') return sampleOf(known.outputs.get(String(fields.tool)))
  if (step.kind === 'agent' && typeof fields.output === 'object') return sampleOf(fields.output as FieldSchema)
  return undefined
}

const itemOf = (step: OutlineStep, file: File): string | null =>
  step.kind === 'for each' ? String(at(file.root, step.path).as ?? 'item') : null

function at(root: unknown, path: FilePath): Record<string, unknown> {
  const found = path.reduce<unknown>((value, part) => (value !== null && typeof value === 'object' ? (value as Record<string | number, unknown>)[part] : undefined), root)
  return found !== null && typeof found === 'object' ? (found as Record<string, unknown>) : {}
}

/** A value of the shape that a schema describes, for its keys alone. */
export function sampleOf(schema: FieldSchema | undefined, depth = 0): unknown {
  if (!schema || depth > 4) return undefined
  if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).map(([name, field]) => [name, sampleOf(field, depth + 1)]))
  if (schema.items) return [sampleOf(schema.items, depth + 1)]
  return undefined
}
