import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { Source } from '@/ui/Source'
import { Answered } from '@/ui/states'
import { sourceQuery } from './queries'

/** The task's file as its author wrote it. */
export function TaskSource({ project, task }: { project: string; task: string }) {
  const query = useQuery(sourceQuery(project, task))
  return (
    <Answered query={query} rows={12}>
      {(file) => (
        <>
          <Text size="sm" c="dimmed" mb="xs">
            {file.name}, as it was saved
          </Text>
          <Source text={file.source} label="Task file" numbered />
        </>
      )}
    </Answered>
  )
}
