import { expect, test } from 'vitest'

import { keysAbove, schemasAt } from './completion'

const LINES = ['task: a', 'steps:', '  - id: x', '    retry:', '      ', '  - id: y', '    for_each: z', '    do:', '      - id: q', '        ']

test('the keys above a line are found by its indentation', () => {
  expect(keysAbove(LINES, 4, 6)).toEqual(['steps', '*', 'retry'])
  expect(keysAbove(LINES, 9, 8)).toEqual(['steps', '*', 'do', '*'])
  expect(keysAbove(LINES, 1, 0)).toEqual([])
})

test('references and choices are followed to the keys that may stand at a place', () => {
  const schema: Parameters<typeof schemasAt>[0] = {
    then: { $ref: '#/$defs/task' },
    $defs: {
      task: { properties: { steps: { items: { $ref: '#/$defs/step' } } } },
      step: { oneOf: [{ properties: { tool: {}, retry: { properties: { attempts: {} } } } }, { properties: { python: {} } }] },
    },
  }
  const keys = (path: string[]) => schemasAt(schema, path).flatMap(({ properties = {} }) => Object.keys(properties))
  expect(keys([])).toEqual(['steps'])
  expect(keys(['steps', '*'])).toEqual(['tool', 'retry', 'python'])
  expect(keys(['steps', '*', 'retry'])).toEqual(['attempts'])
})
