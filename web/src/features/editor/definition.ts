import { type Document, isSeq, parseDocument, stringify } from 'yaml'

import { edited } from '@/ui/steps/edited'
import type { FilePath } from '@/ui/steps/outline'

/** Set a field of a step; undefined takes it away. */
export const withField = (text: string, path: FilePath, name: string, value: unknown): string =>
  edited(text, (file) => {
    if (value === undefined) file.deleteIn([...path, name])
    else file.setIn([...path, name], file.createNode(value))
  })

/** Move a step up (-1) or down (1) among its neighbours; the text unchanged where it cannot go further. */
export function withMoved(text: string, path: FilePath, by: -1 | 1): string {
  const place = Number(path.at(-1))
  return edited(text, (file) => {
    const block = file.getIn(path.slice(0, -1))
    if (!isSeq(block) || place + by < 0 || place + by >= block.items.length) return
    const [moved] = block.items.splice(place, 1)
    block.items.splice(place + by, 0, moved)
  })
}

/** Put a step in front of place `index` of another block, or of its own; unchanged where it would land in itself. */
export function withMovedTo(text: string, from: FilePath, block: FilePath, index: number): string {
  if (block.length > from.length && from.every((part, place) => block[place] === part)) return text
  return edited(text, (file) => {
    const source = file.getIn(from.slice(0, -1))
    const target = file.getIn([...block])
    const place = Number(from.at(-1))
    if (!isSeq(source) || !isSeq(target)) return
    const [moved] = source.items.splice(place, 1)
    target.items.splice(source === target && place < index ? index - 1 : index, 0, moved)
    // A block of the file that is left without a step is no block.
    if (source.items.length === 0 && from.length > 2) file.deleteIn(from.slice(0, -1))
  })
}

/** What belongs to the end of a run, not to its steps up to one of them. */
const AFTERWARDS = ['output', 'on_error', 'finally', 'keep', 'tests', 'triggers', 'alarms']

/** The file with the steps up to this one alone, to rehearse them. */
export const withUntil = (text: string, path: FilePath): string =>
  edited(text, (file) => {
    for (let depth = path.length - 1; depth > 0; depth--) {
      const block = file.getIn(path.slice(0, depth))
      if (isSeq(block) && typeof path[depth] === 'number') block.items.splice(Number(path[depth]) + 1)
    }
    for (const key of AFTERWARDS) if (key !== path[0]) file.delete(key)
  })

export const withoutStep = (text: string, path: FilePath): string => edited(text, (file) => void file.deleteIn([...path]))

/** Put a new step behind this one; without a path at the end of the file's steps. */
export const withStep = (text: string, after: FilePath | null, step: Record<string, unknown>): string =>
  edited(text, (file) => {
    const node = file.createNode(step)
    const block = after && file.getIn(after.slice(0, -1))
    if (after && isSeq(block)) block.items.splice(Number(after.at(-1)) + 1, 0, node)
    else if (isSeq(file.get('steps'))) file.addIn(['steps'], node)
    else file.set('steps', file.createNode([step]))
  })

/** The plain value at a path. */
export function valueAt(text: string, path: FilePath): unknown {
  const file = parseDocument(text)
  const node = file.getIn([...path], true) as { toJS?: (file: Document) => unknown } | undefined
  return node?.toJS ? node.toJS(file) : undefined
}

/** How a path reads in the checker's messages: `steps[2].do[0]`. */
export const asPath = (path: FilePath): string =>
  path.map((part, place) => (typeof part === 'number' ? `[${part}]` : place ? `.${part}` : part)).join('')

/** A value as an author would write it in the file. */
export const asYaml = (value: unknown): string => (value === undefined ? '' : stringify(value, { lineWidth: 0 }).trimEnd())

/** An id that no step has yet: `log`, `log_2`, ... */
export function freeId(wanted: string, taken: ReadonlySet<string>): string {
  const stem = wanted.replace(/[^a-z0-9_]/g, '_').replace(/^[^a-z]+/, '') || 'step'
  if (!taken.has(stem)) return stem
  for (let number = 2; ; number++) if (!taken.has(`${stem}_${number}`)) return `${stem}_${number}`
}
