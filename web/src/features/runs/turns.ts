import type { BelowView, JsonValue } from '@/api/generated/schema'

/** One request to a model with what was said, and the calls that its answer asked for. */
export interface Turn {
  request: BelowView
  calls: BelowView[]
}

export type Speaker = 'instructions' | 'asked' | 'tool' | 'again' | 'thought' | 'answered' | 'calls' | 'other'

/** A part of a conversation as a person reads it. */
export interface Said {
  who: Speaker
  text: string
  /** Name of the tool, for what a tool gave or is called with. */
  tool?: string
}

const SPEAKERS: Record<Speaker, string> = {
  instructions: 'Instructions',
  asked: 'Asked',
  tool: 'Result of',
  again: 'Asked to try again',
  thought: 'Thought',
  answered: 'Answered',
  calls: 'Calls',
  other: 'Part',
}

/** What a part of a conversation is called: `Result of sql_query`. */
export const labelOf = ({ who, tool }: Said): string => [SPEAKERS[who], tool].filter(Boolean).join(' ')

type Fields = Record<string, JsonValue>

/** The turns of an agent in their order. A call belongs to the turn below which it is recorded. */
export function turnsOf(below: readonly BelowView[]): Turn[] {
  const turns: Turn[] = []
  for (const record of below) {
    if (record.kind === 'turn') turns.push({ request: record, calls: [] })
    else if (record.kind === 'call') ownerOf(turns, record)?.calls.push(record)
  }
  return turns
}

const ownerOf = (turns: readonly Turn[], call: BelowView): Turn | undefined =>
  turns.findLast(({ request }) => call.path.startsWith(`${request.path}/`)) ?? turns.at(-1)

/** What was said to the model in a turn: only what is new in it. */
export function asked(input: JsonValue): Said[] {
  const messages = listOf(fieldsOf(input).messages)
  return messages.flatMap((message) => {
    const { instructions, parts } = fieldsOf(message)
    const first: Said[] = instructions ? [{ who: 'instructions', text: textOf(instructions) }] : []
    return [...first, ...listOf(parts).map(saidBy)]
  })
}

/** What the model said. */
export const answered = (output: JsonValue): Said[] =>
  listOf(fieldsOf(fieldsOf(output).response).parts)
    .map(saidBy)
    .filter(({ text, who }) => text !== '' || who === 'calls')

/** Name of the model that answered, or was asked. */
export const modelOf = (request: BelowView): string | null =>
  [fieldsOf(request.output).model, fieldsOf(request.input).model].find((one): one is string => typeof one === 'string') ?? null

const WHO: Record<string, Speaker> = {
  'system-prompt': 'instructions',
  'user-prompt': 'asked',
  'tool-return': 'tool',
  'retry-prompt': 'again',
  thinking: 'thought',
  text: 'answered',
  'tool-call': 'calls',
}

function saidBy(part: JsonValue): Said {
  const fields = fieldsOf(part)
  const who = WHO[String(fields.part_kind)] ?? 'other'
  const tool = typeof fields.tool_name === 'string' ? { tool: fields.tool_name } : {}
  const content = who === 'calls' ? fields.args : fields.content
  return { who, text: textOf(content ?? null), ...tool }
}

/** A text as it is; a list of texts and files one after the other; everything else as JSON. */
function textOf(value: JsonValue): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(pieceOf).join('\n\n')
  return JSON.stringify(value, null, 2)
}

function pieceOf(piece: JsonValue): string {
  const fields = fieldsOf(piece)
  if (fields.kind === 'binary') return `[${String(fields.media_type)}]`
  return textOf(piece)
}

const fieldsOf = (value: JsonValue | undefined): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
const listOf = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : [])
