import { Select, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { stringify } from 'yaml'

import { tasksQuery } from '@/api/queries'
import form from '@/ui/form/Form.module.css'
import { useMay } from '@/ui/rights'
import { IntoDraft } from '@/ui/schedule/IntoDraft'
import { ScheduleForm } from '@/ui/schedule/ScheduleForm'
import { Source } from '@/ui/Source'

/** A schedule that is tried before any task has it. */
export function TryOne({ project }: { project: string }) {
  const [task, setTask] = useState<string | null>(null)
  const may = useMay(project)('task.edit')
  const { data: tasks } = useQuery({ ...tasksQuery(project), enabled: may })
  return (
    <div className={form.sheet}>
      <ScheduleForm project={project}>
        {(schedule, good) => (
          <>
            <Text size="sm" c="dimmed" mt="md" mb={4}>
              In the task's file, under triggers:
            </Text>
            <Source text={stringify([{ id: 'my-schedule', schedule }])} label="The trigger as YAML" />
            {may && (
              <IntoDraft project={project} task={task} schedule={schedule} good={good}>
                <Select label="Task" placeholder="Which" data={(tasks ?? []).map(({ name }) => name)} value={task} onChange={setTask} searchable limit={40} w={220} />
              </IntoDraft>
            )}
          </>
        )}
      </ScheduleForm>
    </div>
  )
}
