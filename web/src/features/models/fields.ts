import type { ModelFieldsBody, ModelView, SharedModelFieldsBody } from '@/api/generated/schema'
import { written } from '@/ui/format'

type Amount = number | null

/** What the form holds of a model. */
export interface ModelFields {
  provider: string
  name: string
  base_url: string
  /** Name of the secret. */
  key: string | null
  input: Amount
  output: Amount
  requests: Amount
  tokens: Amount
  fallback: string[]
  timeout: string
  retries: Amount
  temperature: Amount
  max_output_tokens: Amount
  /** Of a shared one. Empty: all. */
  projects: string[]
  least_role: 'editor' | 'owner' | null
}

export const FIELDS = [
  'model', 'provider', 'name', 'base_url', 'api_key', 'price', 'rate', 'fallback', 'timeout', 'retries', 'temperature',
  'max_output_tokens', 'projects', 'least_role',
] as const

export const PROVIDERS = [
  { value: 'openai', label: 'OpenAI' },
  { value: 'anthropic', label: 'Anthropic' },
  { value: 'google', label: 'Google' },
  { value: 'bedrock', label: 'Amazon Bedrock' },
  { value: 'openai-compatible', label: 'OpenAI-compatible server' },
  { value: 'ollama', label: 'Ollama' },
  { value: 'embedded', label: 'Embedded' },
]

export const providerLabel = (provider: string): string => PROVIDERS.find(({ value }) => value === provider)?.label ?? provider

/** Whether the provider asks for a key. */
export const takesKey = (provider: string): boolean => !['bedrock', 'embedded'].includes(provider)
export const needsKey = (provider: string): boolean => ['openai', 'anthropic', 'google'].includes(provider)
export const needsAddress = (provider: string): boolean => provider === 'openai-compatible'

export const NEW_MODEL: ModelFields = {
  provider: 'openai',
  name: '',
  base_url: '',
  key: null,
  input: null,
  output: null,
  requests: null,
  tokens: null,
  fallback: [],
  timeout: '',
  retries: null,
  temperature: null,
  max_output_tokens: null,
  projects: [],
  least_role: null,
}

export function fieldsOf(model: ModelView): ModelFields {
  const declared = model.price_from === 'declared'
  return {
    provider: model.provider,
    name: model.provider_name ?? '',
    base_url: model.base_url ?? '',
    key: model.api_key?.replace(/^secret:/, '') ?? null,
    input: declared ? Number(model.usd_per_million_input) : null,
    output: declared ? Number(model.usd_per_million_output) : null,
    requests: model.requests_per_minute,
    tokens: model.tokens_per_minute,
    fallback: [...model.fallback],
    timeout: written(model.timeout_seconds),
    retries: model.retries,
    temperature: model.temperature,
    max_output_tokens: model.max_output_tokens,
    projects: [...(model.projects ?? [])],
    least_role: model.least_role === 'owner' || model.least_role === 'editor' ? model.least_role : null,
  }
}

export function bodyOf(fields: ModelFields): ModelFieldsBody {
  const { input, output, requests, tokens } = fields
  return {
    provider: fields.provider,
    name: fields.name || null,
    base_url: fields.base_url || null,
    api_key: fields.key === null ? null : `secret:${fields.key}`,
    price: input === null && output === null ? null : { input: input ?? 0, output: output ?? 0 },
    rate: requests === null && tokens === null ? null : { requests, tokens },
    fallback: fields.fallback,
    timeout: fields.timeout || null,
    retries: fields.retries,
    temperature: fields.temperature,
    max_output_tokens: fields.max_output_tokens,
  }
}

export const whoseOf = (fields: ModelFields): Pick<SharedModelFieldsBody, 'projects' | 'least_role'> => ({
  projects: fields.projects.length ? fields.projects : null,
  least_role: fields.least_role,
})
