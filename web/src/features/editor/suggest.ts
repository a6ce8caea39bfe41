import type { Named } from './scope'

/** Something that can be put at the caret. */
export interface Suggestion {
  label: string
  about: string
  /** What replaces the text from `from` to the caret. */
  apply: string
  from: number
}

/** `code`: the whole text is an expression. `template`: only what stands in {{ }} is. */
export type Mode = 'code' | 'template'

const MOST = 12
const NAME = /(?<![\w.'"\]])([A-Za-z_]\w*)$/
/** `orders["ro`, `ok['form']['te`, `rows[0]["na`: a chain and the beginning of a key in quotes. */
const KEY = /([A-Za-z_]\w*)((?:\[(?:"[^"\]]*"|'[^'\]]*'|\d+)\])*)\[(["'])([^"'\]]*)$/
const LINK = /\[(?:"([^"\]]*)"|'([^'\]]*)'|(\d+))\]/g

/** What could stand at the caret: names in scope, or keys of the value before a bracket. */
export function suggestionsAt(text: string, caret: number, names: readonly Named[], mode: Mode): Suggestion[] {
  const before = text.slice(0, caret)
  if (mode === 'template' && before.lastIndexOf('{{') <= before.lastIndexOf('}}')) return []
  const start = mode === 'template' ? before.lastIndexOf('{{') + 2 : 0
  const code = before.slice(start)
  const key = KEY.exec(code)
  if (key) return keysAfter(key, names, caret, text)
  const name = NAME.exec(code)
  if (!name || inQuotes(code)) return []
  const typed = name[1] ?? ''
  return names
    .filter((one) => one.name.startsWith(typed) && one.name !== typed)
    .slice(0, MOST)
    .map((one) => ({ label: one.name, about: one.about, apply: one.name, from: caret - typed.length }))
}

function keysAfter(key: RegExpExecArray, names: readonly Named[], caret: number, text: string): Suggestion[] {
  const [, name = '', links = '', quote = '"', typed = ''] = key
  const value = [...links.matchAll(LINK)].reduce<unknown>(
    (found, [, one, other, number]) => inside(found, number === undefined ? (one ?? other ?? '') : Number(number)),
    names.find((one) => one.name === name)?.sample,
  )
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return []
  const closed = text.slice(caret, caret + 2) === `${quote}]`
  return Object.entries(value)
    .filter(([one]) => one.startsWith(typed) && !one.includes(quote))
    .slice(0, MOST)
    .map(([one, inner]) => ({ label: one, about: kindOf(inner), apply: closed ? one : `${one}${quote}]`, from: caret - typed.length }))
}

const inside = (value: unknown, key: string | number): unknown =>
  value !== null && typeof value === 'object' ? (value as Record<string | number, unknown>)[key] : undefined

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return `list of ${value.length}`
  return { string: 'text', number: 'number', boolean: 'yes or no', object: 'object' }[typeof value as string] ?? ''
}

/** Whether the end of the code stands in a text of its own. */
function inQuotes(code: string): boolean {
  let open: string | null = null
  for (const sign of code) {
    if (open === null && (sign === '"' || sign === "'")) open = sign
    else if (sign === open || sign === '\n') open = null
  }
  return open !== null
}
