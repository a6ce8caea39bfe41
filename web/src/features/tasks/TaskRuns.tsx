import { Button } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'

import { runsQuery } from '@/api/runs'
import { useMay } from '@/ui/rights'
import { useRowKeys } from '@/ui/rowKeys'
import { RunTable } from '@/ui/RunTable'
import { Answered, Empty } from '@/ui/states'

const RerunById = lazy(() => import('@/features/runs/RerunById'))

/** The runs of one task, newest first; `r` asks to do one again. */
export function TaskRuns({ project, task }: { project: string; task: string }) {
  const query = useInfiniteQuery(runsQuery(project, { task }))
  const may = useMay(project)('run.rerun')
  const [again, setAgain] = useState<string | null>(null)
  useRowKeys((key, run) => key === 'r' && may && setAgain(run))
  return (
    <Answered query={query} rows={8}>
      {({ pages }) => {
        const runs = pages.flatMap((page) => page.items)
        if (runs.length === 0) return <Empty title="This task has not run yet">Run it, or give it a trigger.</Empty>
        return (
          <>
            <RunTable project={project} runs={runs} ofOneTask />
            {query.hasNextPage && (
              <Button mt="md" variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                Show older runs
              </Button>
            )}
            {again && (
              <Suspense>
                <RerunById project={project} run={again} close={() => setAgain(null)} />
              </Suspense>
            )}
          </>
        )
      }}
    </Answered>
  )
}
