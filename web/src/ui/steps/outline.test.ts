import { expect, test } from 'vitest'

import { changedLines } from '../Difference'
import { outlineOf } from './outline'

test('a loop reads as a sentence, with its steps below it', () => {
  const { steps } = outlineOf(`
steps:
  - id: notes
    for_each: totals[:5]
    as: item
    max_parallel: 3
    do: [{id: note, tool: log, with: {message: "{{ item }}"}}]
`)
  expect(steps[0]?.summary).toBe('of totals[:5] as item, 3 at a time')
  expect(steps[0]?.blocks[0]?.steps[0]?.summary).toBe('log message: {{ item }}')
})

test('branches that are empty are left out', () => {
  const { steps } = outlineOf('steps: [{if: x, then: [{wait: 1s}], else: []}]')
  expect(steps[0]?.blocks.map(({ label }) => label)).toEqual(['then'])
})

test('a file that is no YAML says so', () => {
  expect(outlineOf('steps: [').problem).toContain('Flow sequence')
})

test('a difference shows what was removed, what was added, and three lines around it', () => {
  const before = ['a', 'b', 'c', 'd', 'e', 'f'].join('\n')
  const told = changedLines(before, before.replace('f', 'g')).map(({ part, text }) => `${part} ${text}`)
  expect(told).toEqual(['same c', 'same d', 'same e', 'removed f', 'added g'])
})
