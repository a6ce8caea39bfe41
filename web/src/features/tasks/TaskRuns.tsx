import { Button } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'

import { runsQuery } from '@/api/runs'
import { RunTable } from '@/ui/RunTable'
import { Answered, Empty } from '@/ui/states'

/** The runs of one task, newest first. */
export function TaskRuns({ project, task }: { project: string; task: string }) {
  const query = useInfiniteQuery(runsQuery(project, { task }))
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
          </>
        )
      }}
    </Answered>
  )
}
