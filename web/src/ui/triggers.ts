import type { JsonValue } from '@/api/generated/schema'

const KINDS: Record<string, string> = {
  on_demand: 'on demand',
  schedule: 'by schedule',
  event: 'by event',
  webhook: 'by webhook',
  email: 'by mail',
  task: 'by a task',
  rerun: 'as a rerun',
}

/** What started a run, in words: `by schedule “monday”`, `on demand by ana`. */
export function cause(trigger: Record<string, JsonValue>, starter: string | null): string {
  const kind = String(trigger.kind ?? 'on_demand')
  const told = KINDS[kind] ?? kind.replaceAll('_', ' ')
  const id = typeof trigger.id === 'string' ? ` “${trigger.id}”` : ''
  const who = kind === 'on_demand' && starter ? ` by ${person(starter)}` : ''
  return `${told}${id}${who}`
}

/** `ana` of `user:ana`. */
export const person = (reference: string): string => reference.replace(/^user:/, '')

/** `ana`, `trigger “nightly”`: who starts runs, in words. */
export function starterText(reference: string): string {
  const [kind, name] = [reference.split(':', 1)[0], reference.slice(reference.indexOf(':') + 1)]
  if (reference === '') return 'not recorded'
  if (kind === 'trigger') return `trigger “${name}”`
  return kind === 'system' ? `${name} (Errands itself)` : person(reference)
}
