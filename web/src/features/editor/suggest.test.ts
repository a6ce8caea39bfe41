import { expect, test } from 'vitest'

import { withMovedTo, withUntil } from './definition'
import { scopeAt } from './scope'
import { suggestionsAt } from './suggest'

const names = [
  { name: 'orders', about: 'tool', sample: { rows: [{ 'net price': 1, name: 'x' }], total: 2 } },
  { name: 'order_id', about: 'param' },
  { name: 'now', about: 'start of the run' },
]
const labels = (text: string, mode: 'code' | 'template' = 'code', caret = text.length) =>
  suggestionsAt(text, caret, names, mode).map(({ label }) => label)

test('names are offered that begin as typed', () => {
  expect(labels('len(ord')).toEqual(['orders', 'order_id'])
  expect(labels("'hello ord")).toEqual([])
  expect(labels('x.ord')).toEqual([])
})

test('in a text only what stands in braces is an expression', () => {
  expect(labels('Dear ord', 'template')).toEqual([])
  expect(labels('Dear {{ ord', 'template')).toEqual(['orders', 'order_id'])
  expect(labels('{{ now }} and ord', 'template')).toEqual([])
})

test('keys of the value are offered, and the bracket is closed once', () => {
  expect(labels('orders["')).toEqual(['rows', 'total'])
  expect(suggestionsAt('orders["ro', 10, names, 'code')[0]?.apply).toBe('rows"]')
  expect(suggestionsAt('orders["ro"]', 10, names, 'code')[0]?.apply).toBe('rows')
  expect(labels("{{ orders['rows'][0]['n", 'template')).toEqual(['net price', 'name'])
  expect(labels('orders["total"]["')).toEqual([])
})

const FILE = `
task: t
params: {region: {type: string}}
steps:
  - {id: a, python: "1"}
  - id: each
    for_each: a
    as: row
    do:
      - {id: inner, python: row}
      - {id: second, python: inner}
  - if: a
    then: [{id: yes, python: "1"}]
    else: [{id: no, python: "2"}]
  - {id: last, python: "3"}
on_error: [{id: told, python: error}]
`
const known = { values: new Map(), outputs: new Map() }
const scope = (...path: (string | number)[]) =>
  scopeAt(FILE, path, known).map(({ name }) => name).filter((name) => !/^(run|trigger|payload|state|now|clock|date|datetime|timedelta|json|re|math)$/.test(name))

test('a step sees what stands before it and around it, not what stands in loops', () => {
  expect(scope('steps', 1, 'do', 1)).toEqual(['region', 'a', 'row', 'inner'])
  expect(scope('steps', 3)).toEqual(['region', 'a', 'each', 'yes', 'no'])
  expect(scope('on_error', 0)).toContain('error')
})

test('a step is moved into another block, in front of what stands there', () => {
  const moved = withMovedTo(FILE, ['steps', 3], ['steps', 1, 'do'], 1)
  expect(moved.indexOf('id: last')).toBeLessThan(moved.indexOf('id: second'))
  expect(moved.indexOf('id: last')).toBeGreaterThan(moved.indexOf('id: inner'))
})

test('within its block a step lands where it was dropped', () => {
  const ids = (text: string) => [...text.matchAll(/id: (\w+)/g)].map((found) => found[1])
  expect(ids(withMovedTo(FILE, ['steps', 1, 'do', 0], ['steps', 1, 'do'], 2))).toEqual(['a', 'each', 'second', 'inner', 'yes', 'no', 'last', 'told'])
})

test('a step is not moved into itself', () => {
  expect(withMovedTo(FILE, ['steps', 1], ['steps', 1, 'do'], 0)).toBe(FILE)
})

test('up to a step: what comes after it is left out, in its own block and in those around it', () => {
  const until = withUntil(FILE, ['steps', 1, 'do', 0])
  expect(until).toContain('id: inner')
  for (const gone of ['second', 'yes', 'last', 'told']) expect(until).not.toContain(`id: ${gone}`)
})
