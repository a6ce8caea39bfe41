import { parse } from 'yaml'

/** A step as a person reads it: its name, what it does in one line, and what stands below it. */
/** Where a step stands in the file: `['steps', 2, 'do', 0]`. */
export type FilePath = readonly (string | number)[]

export interface OutlineStep {
  path: FilePath
  id: string | null
  kind: StepKind
  summary: string
  /** Remarks at the end of the line: retries, cache, condition. */
  remarks: string[]
  blocks: OutlineBlock[]
}

export interface OutlineBlock {
  label: string
  path: FilePath
  steps: OutlineStep[]
}

export type StepKind =
  | 'tool' | 'agent' | 'python' | 'if' | 'switch' | 'for each' | 'repeat' | 'parallel'
  | 'task' | 'wait' | 'event' | 'approval' | 'notify' | 'finish' | 'unknown'

type Fields = Record<string, unknown>

export interface Outline {
  steps: OutlineStep[]
  onError: OutlineStep[]
  finally: OutlineStep[]
  /** Why the text could not be read; the tree is then empty. */
  problem: string | null
}

/** The tree of a task file. */
export function outlineOf(source: string): Outline {
  try {
    const file = parse(source) as Fields | null
    return {
      steps: list(file?.steps, ['steps']),
      onError: list(file?.on_error, ['on_error']),
      finally: list(file?.finally, ['finally']),
      problem: null,
    }
  } catch (error) {
    return { steps: [], onError: [], finally: [], problem: error instanceof Error ? error.message : String(error) }
  }
}

const list = (value: unknown, path: FilePath): OutlineStep[] =>
  Array.isArray(value) ? value.flatMap((one, place) => (isFields(one) ? [step(one, [...path, place])] : [])) : []

function step(fields: Fields, path: FilePath): OutlineStep {
  const [kind, summary, blocks] = said(fields, path)
  return { path, id: text(fields.id) || null, kind, summary: text(fields.title) || summary, remarks: remarks(fields), blocks }
}

/** Kind, one line, and inner blocks of a step. */
function said(fields: Fields, path: FilePath): [StepKind, string, OutlineBlock[]] {
  if ('tool' in fields) return ['tool', `${text(fields.tool)} ${args(fields.with)}`, []]
  if ('prompt' in fields) return ['agent', `${text(fields.agent) || 'agent'}: ${firstLine(fields.prompt)}`, []]
  if ('python' in fields) return ['python', firstLine(fields.python), []]
  if ('if' in fields) return ['if', firstLine(fields.if), branches({ then: fields.then, else: fields.else }, path)]
  if ('switch' in fields) return ['switch', firstLine(fields.switch), [
    ...branches(object(fields.cases), [...path, 'cases']),
    ...branches({ default: fields.default }, path),
  ]]
  if ('for_each' in fields) return ['for each', loop(fields), [{ label: 'do', path: [...path, 'do'], steps: list(fields.do, [...path, 'do']) }]]
  if ('repeat' in fields) return ['repeat', `until ${firstLine(fields.until)}, at most ${text(fields.max) || '?'} times`, [{ label: 'do', path: [...path, 'repeat'], steps: list(fields.repeat, [...path, 'repeat']) }]]
  if ('parallel' in fields) return ['parallel', 'at the same time', branches(object(fields.parallel), [...path, 'parallel'])]
  if ('run' in fields) return ['task', `${text(fields.run)} ${args(fields.with)}${fields.wait === false ? ', without waiting' : ''}`, []]
  if ('wait' in fields) return ['wait', isFields(fields.wait) ? `until ${firstLine(fields.wait.until)}` : text(fields.wait), []]
  if ('wait_for' in fields) return ['event', waitFor(object(fields.wait_for)), []]
  if ('approve' in fields) return ['approval', firstLine(isFields(fields.approve) ? fields.approve.question : fields.approve), []]
  if ('notify' in fields) return ['notify', firstLine(object(fields.notify).title ?? object(fields.notify).body), []]
  if ('finish' in fields) return ['finish', `${text(object(fields.finish).status) || 'succeeded'} ${firstLine(object(fields.finish).output)}`, []]
  return ['unknown', Object.keys(fields).join(', '), []]
}

function branches(blocks: Fields, path: FilePath): OutlineBlock[] {
  return Object.entries(blocks)
    .map(([label, steps]) => ({ label, path: [...path, label], steps: list(steps, [...path, label]) }))
    .filter(({ steps }) => steps.length > 0)
}

function loop(fields: Fields): string {
  const parallel = fields.max_parallel ? `, ${text(fields.max_parallel)} at a time` : ''
  const batch = fields.batch ? `, in batches of ${text(fields.batch)}` : ''
  return `of ${firstLine(fields.for_each)} as ${text(fields.as) || 'item'}${parallel}${batch}`
}

function waitFor(event: Fields): string {
  const key = event.key ? ` with ${text(event.key)}` : ''
  return `${text(event.event)}${key}${event.timeout ? `, for ${text(event.timeout)} at most` : ''}`
}

function remarks(fields: Fields): string[] {
  const found: string[] = []
  if (fields.when !== undefined) found.push(`when ${firstLine(fields.when)}`)
  if (isFields(fields.retry)) found.push(`${text(fields.retry.attempts) || '?'} attempts`)
  if (fields.timeout !== undefined) found.push(`within ${text(fields.timeout)}`)
  if (fields.cache !== undefined) found.push('cached')
  if (fields.on_error === 'continue') found.push('goes on after an error')
  return found
}

const args = (given: unknown): string =>
  Object.entries(object(given))
    .map(([name, value]) => `${name}: ${firstLine(typeof value === 'object' ? JSON.stringify(value) : value)}`)
    .join(', ')

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const object = (value: unknown): Fields => (isFields(value) ? value : {})
const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value))
const firstLine = (value: unknown): string => text(value).trim().split('\n', 1)[0] ?? ''
