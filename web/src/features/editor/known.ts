import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import { toolsQuery } from '@/api/catalogue'
import type { StepView } from '@/api/generated/schema'
import type { FieldSchema } from '@/ui/form/schema'
import { lastValuesQuery } from './queries'

/** What is known of values: of the last dry run first, else of the last run that succeeded; and what tools give. */
export function useKnown(project: string, task: string, values: ReadonlyMap<string, StepView>) {
  const { data: last } = useQuery({ ...lastValuesQuery(project, task), enabled: task !== '', retry: false })
  const { data: tools } = useQuery(toolsQuery(project))
  return useMemo(() => {
    const before = (last?.steps ?? []).filter(({ output }) => output !== null).map((step) => [step.key, step.output] as const)
    const now = [...values].map(([id, step]) => [id, step.output] as const)
    return {
      values: new Map<string, unknown>([...before, ...now]),
      outputs: new Map((tools ?? []).map((tool) => [tool.name, tool.output_schema as FieldSchema])),
    }
  }, [last, tools, values])
}
