import { expect, test } from 'vitest'

import type { AgentView } from '@/api/generated/schema'
import { bodyOf, fieldsOf, NEW_AGENT } from './fields'

const agent = (budget: object | null) =>
  ({ description: null, model: null, instructions: '', tools: [], approve_tools: [], max_turns: 30, examples: [], budget }) as unknown as AgentView

test('what the form does not show of a budget stays as it is', () => {
  const before = agent({ usd: '0.20', on_exceeded: 'fail', per_day: { usd: '5' } })
  const body = bodyOf({ ...fieldsOf(before), tokens: 1000 }, before)
  expect(body.budget).toEqual({ usd: 0.2, tokens: 1000, on_exceeded: 'fail', per_day: { usd: '5' } })
})

test('no bound is no budget', () => {
  expect(bodyOf(NEW_AGENT, null).budget).toBeNull()
  expect(bodyOf(fieldsOf(agent({ on_exceeded: 'ask' })), agent({ on_exceeded: 'ask' })).budget).toBeNull()
})
