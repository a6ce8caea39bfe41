import { useMutation, useQueryClient } from '@tanstack/react-query'

import { isStatus } from '@/api/client'
import type { JsonValue } from '@/api/generated/schema'
import { useDesk } from '../desk'
import type { Card, Standing } from '../parts'
import { decide } from '../queries'

interface Click {
  action: string
  values?: Record<string, JsonValue>
}

/** How a card stands, and the click that decides it: as it is shown, once. */
export function useDecision({ standing }: Card) {
  const { mine, reread } = useDesk()
  const client = useQueryClient()
  const click = useMutation({
    mutationFn: ({ action, values = {} }: Click) => {
      if (!standing) throw new Error('Nothing can be done with this card.')
      return decide(standing.id, standing.digest, action, values)
    },
    onSuccess: () => {
      reread()
      void client.invalidateQueries({ predicate: ({ queryKey }) => ['tasks', 'triggers', 'runs', 'approvals', 'agents'].includes(String(queryKey[0])) })
    },
    onError: (error) => {
      // Somebody was first, or it shows something else by now: what there is now says more than the refusal.
      if (isStatus(error, 409) || isStatus(error, 404)) reread()
    },
  })
  // What the click has made of it stands before the thread is read again.
  const decided: Standing | null =
    click.data && standing?.state === 'open'
      ? { ...standing, state: click.data.state, action: click.data.action, by: click.data.actor, result: click.data.result }
      : standing
  return {
    standing: decided,
    open: decided?.state === 'open',
    may: mine && decided?.state === 'open',
    click,
    /** Whether this very action is on its way. */
    doing: (action: string) => click.isPending && click.variables.action === action,
  }
}

export type Decision = ReturnType<typeof useDecision>

/** One value of what came of a click. */
export function resultOf(standing: Standing | null, name: string): JsonValue | undefined {
  const result = standing?.result
  return typeof result === 'object' && result !== null && !Array.isArray(result) ? (result as Record<string, JsonValue>)[name] : undefined
}
