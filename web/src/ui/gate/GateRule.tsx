import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { gateQuery } from '@/api/gates'
import type { PublishGateView } from '@/api/generated/schema'
import { plural } from '@/ui/format'

/** What must hold before a version of the task is published; nothing where nothing must. */
export function GateRule({ project, task }: { project: string; task: string }) {
  const { data } = useQuery(gateQuery(project, task))
  if (!data?.runs) return null
  return (
    <Text size="sm" mt="sm">
      {ruleOf(data)}
    </Text>
  )
}

/** The rule in a sentence. */
export function ruleOf({ whose, runs, may_differ, unknown }: PublishGateView): string {
  if (whose === null || runs === null) return 'Every version may be published.'
  if (runs === 0) return 'This task has no gate, whatever its project says.'
  const bound = may_differ ? `at most ${may_differ} of them may come out otherwise` : 'all of them must come out the same'
  const unsure = unknown === 'differs' ? 'what cannot be told counts as otherwise' : 'what cannot be told passes'
  return `Gate of the ${whose}: the last ${plural(runs, 'run')} are walked again, and ${bound}; ${unsure}.`
}
