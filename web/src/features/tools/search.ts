import type { EffectName } from './servers'

export interface ToolsSearch {
  /** Words that the name or the description hold. */
  q?: string | undefined
  effect?: EffectName | undefined
  /** The tool that is shown. */
  tool?: string | undefined
}

export interface ServerSearch {
  /** `server`: one of the server's, set up by an administrator. */
  of?: 'server' | undefined
}

type Given = Record<string, unknown>
const EFFECTS: readonly EffectName[] = ['none', 'reads', 'changes']
const text = (value: unknown): string | undefined => (value === undefined || value === '' ? undefined : String(value))

export const toolsSearch = (search: Given): ToolsSearch => ({
  q: text(search.q),
  effect: EFFECTS.find((one) => one === search.effect),
  tool: text(search.tool),
})

export const serverSearch = (search: Given): ServerSearch => ({ of: search.of === 'server' ? 'server' : undefined })
