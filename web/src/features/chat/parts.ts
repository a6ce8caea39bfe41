import type { JsonValue } from '@/api/generated/schema'

/** A part of a message, as the server keeps it. */
export type Part = Record<string, JsonValue>

/** What the server sends of an answer while it is written. */
export type Chunk = Record<string, JsonValue> & { type: string }

/** A call of a tool. */
export interface Call {
  id: string
  tool: string
  /** `input-streaming`, `input-available`, `approval-requested`, `approval-responded`, `output-…`. */
  state: string
  input: JsonValue | undefined
  output: JsonValue | undefined
  error: string | null
  /** Names the call and its arguments, where it waits for a click. */
  approval: string | null
  /** Why it was refused. */
  reason: string | null
}

/** What stands on a card: its kind, its data, and how it stands where it waits for a click. */
export interface Card {
  kind: string
  data: Record<string, JsonValue>
  standing: Standing | null
}

export interface Standing {
  id: string
  digest: string
  state: 'open' | 'done' | 'dismissed'
  action: string | null
  by: string | null
  result: JsonValue
}

export interface FilePart {
  id: string
  name: string
  mediaType: string
}

const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
const record = (value: JsonValue | undefined): Record<string, JsonValue> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, JsonValue>) : {}

export const isWords = (part: Part): boolean => part.type === 'text'
export const isReasoning = (part: Part): boolean => part.type === 'reasoning'
export const wordsIn = (part: Part): string => text(part.text)

/** The words of a message, without its tools and cards. */
export const wordsOf = (parts: readonly Part[]): string => parts.filter(isWords).map(wordsIn).join('\n\n')

export const callIn = (part: Part): Call | null => {
  if (typeof part.toolCallId !== 'string') return null
  const approval = record(part.approval)
  return {
    id: part.toolCallId,
    tool: text(part.type).replace(/^tool-/, ''),
    state: text(part.state),
    input: part.input,
    output: part.output,
    error: text(part.errorText) || null,
    approval: text(approval.id) || null,
    reason: text(approval.reason) || null,
  }
}

export const cardIn = (part: Part): Card | null => {
  const kind = text(part.type)
  if (!kind.startsWith('data-')) return null
  const data = record(part.data)
  const standing = record(data.card)
  return {
    kind: kind.slice(5),
    data,
    standing: typeof standing.id === 'string' ? (standing as unknown as Standing) : null,
  }
}

export const fileIn = (part: Part): FilePart | null =>
  part.type === 'file'
    ? { id: text(part.url).replace(/^attachment:/, ''), name: text(part.filename), mediaType: text(part.mediaType) }
    : null

export const filePart = (file: { id: string; name: string; media_type: string }): Part => ({
  type: 'file',
  url: `attachment:${file.id}`,
  mediaType: file.media_type,
  filename: file.name,
})

/** Cards that show the whole of what a command's words say for those who see no cards. */
const TELLING = new Set(['tasks', 'runs', 'approvals', 'approval', 'firings', 'rehearsal', 'act', 'form', 'task', 'agent'])

/** The parts that are worth showing: a command's words go where its cards say the same. */
export function shownParts(parts: readonly Part[]): readonly Part[] {
  const kinds = parts.map(({ type }) => text(type)).filter((type) => type !== 'step-start')
  const ofCommand = kinds.length > 1 && kinds[0] === 'text' && kinds.slice(1).every((kind) => kind.startsWith('data-'))
  // Of a run that is explained the words say more than its card.
  const told = (kind: string) => TELLING.has(kind.slice(5)) || (kind === 'data-run' && !wordsOf(parts).includes('\n'))
  if (!ofCommand || !kinds.slice(1).every(told)) return parts
  return parts.filter((part) => !isWords(part))
}

/** The message that an answer's chunks make: what the server holds after the same stream. */
export class Written {
  private readonly places = new Map<string, number>()
  private readonly inputs = new Map<string, string>()
  parts: readonly Part[]

  /** `parts`: those that the answer had before what follows. */
  constructor(parts: readonly Part[] = []) {
    this.parts = parts
    parts.forEach((part, place) => {
      if (typeof part.toolCallId === 'string') this.places.set(`tool ${part.toolCallId}`, place)
    })
  }

  take(chunk: Chunk): void {
    const kind = /^(text|reasoning)-(start|delta|end)$/.exec(chunk.type)
    if (kind) this.takeWords(String(kind[1]), String(kind[2]), chunk)
    else if (chunk.type.startsWith('tool-')) this.takeCall(chunk.type.slice(5), chunk)
    else if (chunk.type.startsWith('data-')) {
      if (!chunk.transient) this.takeData(chunk)
    } else if (chunk.type === 'start-step') this.add({ type: 'step-start' })
    else if (['file', 'source-url', 'source-document'].includes(chunk.type)) this.add(chunk)
  }

  private takeWords(kind: string, what: string, chunk: Chunk): void {
    const key = `${kind} ${text(chunk.id)}`
    if (what === 'start') {
      this.places.set(key, this.parts.length)
      this.add({ type: kind, text: '', state: 'streaming' })
      return
    }
    const place = this.places.get(key)
    const part = place === undefined ? undefined : this.parts[place]
    if (place === undefined || !part) return
    this.put(place, what === 'delta' ? { ...part, text: wordsIn(part) + text(chunk.delta) } : { ...part, state: 'done' })
  }

  private takeCall(what: string, chunk: Chunk): void {
    const id = text(chunk.toolCallId)
    const place = this.placeOf(`tool ${id}`, { type: `tool-${text(chunk.toolName) || 'unknown'}`, toolCallId: id, state: 'input-streaming' })
    const part = this.parts[place] ?? {}
    if (what === 'input-delta') this.inputs.set(id, (this.inputs.get(id) ?? '') + text(chunk.inputTextDelta))
    const change = CALL_CHANGES[what]?.(chunk)
    if (change) this.put(place, { ...part, ...change })
  }

  private takeData(chunk: Chunk): void {
    const made: Part = { type: chunk.type, data: chunk.data ?? null }
    if (typeof chunk.id !== 'string') return this.add(made)
    made.id = chunk.id
    this.put(this.placeOf(`${chunk.type} ${chunk.id}`, made), made)
  }

  private placeOf(key: string, fresh: Part): number {
    const known = this.places.get(key)
    if (known !== undefined) return known
    this.places.set(key, this.parts.length)
    this.add(fresh)
    return this.parts.length - 1
  }

  private add(part: Part): void {
    this.parts = [...this.parts, part]
  }

  private put(place: number, part: Part): void {
    this.parts = this.parts.with(place, part)
  }
}

const CALL_CHANGES: Record<string, (chunk: Chunk) => Part> = {
  'input-available': ({ input }) => ({ state: 'input-available', input: input ?? null }),
  'input-error': ({ input, errorText }) => ({ state: 'output-error', input: input ?? null, errorText: errorText ?? '' }),
  'approval-request': ({ approvalId }) => ({ state: 'approval-requested', approval: { id: approvalId ?? '' } }),
  'output-available': ({ output }) => ({ state: 'output-available', output: output ?? null }),
  'output-error': ({ errorText }) => ({ state: 'output-error', errorText: errorText ?? '' }),
  'output-denied': () => ({ state: 'output-denied' }),
}
