import { expect, test } from 'vitest'

import type { BelowView, JsonValue } from '@/api/generated/schema'
import { answered, asked, modelOf, turnsOf } from './turns'

const record = (kind: BelowView['kind'], path: string, more: Partial<BelowView> = {}): BelowView =>
  ({ kind, path, input: null, output: null, ...more }) as BelowView

test('a call belongs to the turn that asked for it', () => {
  const turns = turnsOf([
    record('attempt', 'a/attempt[1]'),
    record('turn', 'a/turn[1]'),
    record('call', 'a/turn[1]/http.request[0]'),
    record('turn', 'a/turn[2]'),
    record('call', 'a/turn[1]/log[1]'),
  ])
  expect(turns.map(({ calls }) => calls.map(({ path }) => path))).toEqual([
    ['a/turn[1]/http.request[0]', 'a/turn[1]/log[1]'],
    [],
  ])
})

test('a request reads as what is new in it, instructions first', () => {
  const input: JsonValue = {
    model: 'small',
    messages: [
      {
        kind: 'request',
        instructions: 'Be brief.',
        parts: [
          { part_kind: 'user-prompt', content: ['Read this:', { kind: 'binary', media_type: 'image/png', digest: 'x' }] },
          { part_kind: 'tool-return', tool_name: 'sql_query', content: { rows: 2 } },
        ],
      },
    ],
  }
  expect(asked(input)).toEqual([
    { who: 'instructions', text: 'Be brief.' },
    { who: 'asked', text: 'Read this:\n\n[image/png]' },
    { who: 'tool', text: '{\n  "rows": 2\n}', tool: 'sql_query' },
  ])
})

test('an answer holds texts and calls; an empty text says nothing', () => {
  const output: JsonValue = {
    model: 'large',
    response: {
      parts: [
        { part_kind: 'text', content: '' },
        { part_kind: 'thinking', content: 'Hm.' },
        { part_kind: 'tool-call', tool_name: 'log', args: '{"message":"x"}' },
      ],
    },
  }
  expect(answered(output)).toEqual([
    { who: 'thought', text: 'Hm.' },
    { who: 'calls', text: '{"message":"x"}', tool: 'log' },
  ])
  expect(modelOf(record('turn', 'a/turn[1]', { output, input: { model: 'small' } }))).toBe('large')
})

test('a record that nobody expected is shown as it is, not thrown at', () => {
  expect(asked(null)).toEqual([])
  expect(answered({ response: 'broken' })).toEqual([])
  expect(asked({ messages: [{ parts: [{ part_kind: 'new-kind', content: 7 }] }] })).toEqual([{ who: 'other', text: '7' }])
})
