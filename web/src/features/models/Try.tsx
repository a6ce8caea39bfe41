import { Text } from '@mantine/core'

import type { ModelTried } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { count, duration, money } from '@/ui/format'
import { Outcome } from '@/ui/Outcome'
import { type Owner, tryModel } from './queries'

/** Sends a tiny real request when asked to. */
export const useTry = (owner: Owner, model: string) => useChange({ act: () => tryModel(owner, model), stale: [] })

/** What came of it: the answer, or what is wrong and who can mend it. */
export function Tried({ name, tried }: { name: string; tried: ModelTried }) {
  if (!tried.ok)
    return (
      <Outcome good={false} title={`${name} does not answer: ${tried.problem ?? 'it gave no reason'}`}>
        {tried.hint && (
          <Text size="sm" c="dimmed">
            <bdi>{tried.hint}</bdi>
          </Text>
        )}
      </Outcome>
    )
  return (
    <Outcome good title={`${name} answers`}>
      <Text size="sm">
        <bdi>“{tried.said?.trim()}”</bdi>{' '}
        <Text span size="xs" c="dimmed">
          {duration(tried.seconds)}, {count(tried.tokens)} tokens, {money(Number(tried.usd))}
        </Text>
      </Text>
    </Outcome>
  )
}
