import type { AgentBody, AgentView } from '@/api/generated/schema'

type Amount = number | null

/** What the form holds of an agent. */
export interface AgentFields {
  description: string
  model: string | null
  instructions: string
  tools: string[]
  approve_tools: string[]
  max_turns: Amount
  usd: Amount
  tokens: Amount
  requests: Amount
  tool_calls: Amount
  examples: { prompt: string; answer: string }[]
}

export const FIELDS = ['description', 'model', 'instructions', 'tools', 'approve_tools', 'budget', 'max_turns', 'examples', 'agent'] as const

export const NEW_AGENT: AgentFields = {
  description: '',
  model: null,
  instructions: '',
  tools: [],
  approve_tools: [],
  max_turns: null,
  usd: null,
  tokens: null,
  requests: null,
  tool_calls: null,
  examples: [],
}

export function fieldsOf(agent: AgentView): AgentFields {
  const budget = agent.budget ?? {}
  return {
    description: agent.description ?? '',
    model: agent.model,
    instructions: agent.instructions,
    tools: [...agent.tools],
    approve_tools: [...agent.approve_tools],
    max_turns: agent.max_turns,
    usd: amount(budget.usd),
    tokens: amount(budget.tokens),
    requests: amount(budget.requests),
    tool_calls: amount(budget.tool_calls),
    examples: agent.examples.map((one) => ({ prompt: String(one.prompt), answer: String(one.answer) })),
  }
}

/** What is sent. `before`: parts of the budget that the form does not show stay as they are. */
export function bodyOf(fields: AgentFields, before: AgentView | null): AgentBody {
  const { usd, tokens, requests, tool_calls, ...rest } = fields
  const shown = ['usd', 'tokens', 'requests', 'tool_calls']
  const hidden = Object.entries(before?.budget ?? {}).filter(
    ([name, value]) => !shown.includes(name) && !(name === 'on_exceeded' && value === 'ask'),
  )
  const amounts = Object.entries({ usd, tokens, requests, tool_calls }).filter(([, value]) => value !== null)
  const budget = Object.fromEntries([...amounts, ...hidden])
  return { ...rest, description: fields.description || null, budget: Object.keys(budget).length ? budget : null } as AgentBody
}

/** Amounts of money come as texts, so that no digit is lost. */
const amount = (value: unknown): Amount => (value === undefined || value === null ? null : Number(value))
