import type { JsonValue, RunView, StepView } from '@/api/generated/schema'

/** What two runs have at one path. */
export interface Pair {
  path: string
  one: StepView | undefined
  other: StepView | undefined
  /** What differs, in words; empty: nothing does, as far as it is known. */
  differs: string[]
}

/** The steps of both runs side by side, in the order of the first; steps of the other alone stand after their neighbour. */
export function pairsOf(one: RunView, other: RunView): Pair[] {
  const mine = new Map(one.steps.map((step) => [step.path, step]))
  const theirs = new Map(other.steps.map((step) => [step.path, step]))
  const paths = one.steps.map(({ path }) => path)
  const place = new Map(paths.map((path, index) => [path, index]))
  const added: { after: number; path: string }[] = []
  let after = -1
  for (const { path } of other.steps) {
    const known = place.get(path)
    if (known === undefined) added.push({ after, path })
    else after = known
  }
  const ordered = paths.flatMap((path, index) => [path, ...at(added, index)])
  return [...at(added, -1), ...ordered].map((path) => pair(path, mine.get(path), theirs.get(path)))
}

const at = (added: readonly { after: number; path: string }[], index: number): string[] =>
  added.filter(({ after }) => after === index).map(({ path }) => path)

function pair(path: string, one: StepView | undefined, other: StepView | undefined): Pair {
  if (!one || !other) return { path, one, other, differs: [one ? 'only in the earlier' : 'only in the later'] }
  const differs = [
    one.status === other.status ? '' : 'outcome',
    same(one.input, other.input, one.input_size, other.input_size) ? '' : 'input',
    same(one.output, other.output, one.output_size, other.output_size) ? '' : 'output',
    one.error?.message === other.error?.message ? '' : 'error',
    one.attempts === other.attempts ? '' : 'attempts',
  ]
  return { path, one, other, differs: differs.filter(Boolean) }
}

/** Values that were left out are told apart by their sizes alone. */
const same = (one: JsonValue, other: JsonValue, size: number | null | undefined, otherSize: number | null | undefined): boolean =>
  (size ?? null) === (otherSize ?? null) && asText(one) === asText(other)

/** A value as lines that can be compared: keys in their order, so that order alone is no difference. */
export const asText = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(ordered(value ?? null), null, 2)

function ordered(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value as Record<string, JsonValue>)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, ordered(inner)]),
  ) as JsonValue
}

/** Seconds that a step took; null: it has not ended. */
export const secondsOf = (step: StepView | undefined): number | null =>
  step?.started_at && step.finished_at ? Math.max(0, (Date.parse(step.finished_at) - Date.parse(step.started_at)) / 1000) : null
