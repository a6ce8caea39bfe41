import { Button, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import type { TaskView } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { Bulk } from '@/ui/Bulk'
import { plural } from '@/ui/format'
import type { Selection } from '@/ui/selection'
import table from '@/ui/Table.module.css'
import { archive, ofTasks, remove, restore } from './lifecycle'
import { pause, resume } from './queries'

type Act = 'pause' | 'resume' | 'archive' | 'restore' | 'delete'

interface ActLook {
  label: string
  right: string
  /** Whether it can be done to a task. */
  fits: (task: TaskView) => boolean
  says: string
}

const ACTS: Record<Act, ActLook> = {
  pause: {
    label: 'Pause',
    right: 'task.pause',
    fits: (task) => task.archived_at === null && task.paused_at === null,
    says: 'New runs are refused until somebody resumes them; each refusal is recorded with your note. Runs under way go on.',
  },
  resume: {
    label: 'Resume',
    right: 'task.pause',
    fits: (task) => task.archived_at === null && task.paused_at !== null,
    says: 'They start runs again. What was held back is not made up for: resume a task on its own screen for that.',
  },
  archive: {
    label: 'Archive',
    right: 'task.archive',
    fits: (task) => task.archived_at === null,
    says: 'They start nothing any more and are left out of lists. Their runs stay, and they can be brought back at any time.',
  },
  restore: {
    label: 'Bring back',
    right: 'task.archive',
    fits: (task) => task.archived_at !== null,
    says: 'Their schedules plan from now on.',
  },
  delete: {
    label: 'Delete',
    right: 'task.archive',
    fits: (task) => task.remove_at === null,
    says: 'They start nothing any more. After a grace period they are removed with their versions, runs and files; until then they can be brought back.',
  },
}

/** What can be done with the tasks that are chosen. */
export function BulkTasks({ project, chosen, selection }: { project: string; chosen: readonly TaskView[]; selection: Selection }) {
  const { data } = useQuery(projectQuery(project))
  const [act, setAct] = useState<Act | null>(null)
  const [note, setNote] = useState('')
  const client = useQueryClient()
  if (chosen.length === 0) return null
  const offered = (Object.keys(ACTS) as Act[]).filter((one) => data?.rights.includes(ACTS[one].right) && chosen.some(ACTS[one].fits))
  const close = () => {
    setAct(null)
    setNote('')
    selection.clear()
    void client.invalidateQueries({ predicate: ofTasks })
  }
  const fitting = act ? chosen.filter(ACTS[act].fits).map(({ name }) => name) : []
  const doIt = (name: string) => {
    const said = note || null
    switch (act) {
      case 'pause':
        return pause(project, name, said)
      case 'resume':
        return resume(project, name, false, said)
      case 'archive':
        return archive(project, name, said)
      case 'delete':
        return remove(project, name, said)
      default:
        return restore(project, name)
    }
  }
  return (
    <div className={table.bar} role="region" aria-label="Chosen tasks">
      <span className="figures">{plural(chosen.length, 'task')} chosen</span>
      {offered.map((one) => (
        <Button key={one} size="compact-sm" variant="default" onClick={() => setAct(one)}>
          {ACTS[one].label} …
        </Button>
      ))}
      <Button size="compact-sm" variant="subtle" color="gray" ms="auto" onClick={selection.clear}>
        Choose none
      </Button>
      {act && (
        <Bulk
          title={`${ACTS[act].label} ${plural(fitting.length, 'task')}?`}
          act={`${ACTS[act].label} ${plural(fitting.length, 'task')}`}
          final={act === 'delete'}
          things={fitting}
          onEach={doIt}
          close={close}
        >
          {ACTS[act].says}
          {fitting.length < chosen.length && ` ${plural(chosen.length - fitting.length, 'chosen task is', 'chosen tasks are')} left as they are.`}
          {act !== 'restore' && <TextInput mt="sm" label="Note" value={note} maxLength={1000} onChange={({ currentTarget }) => setNote(currentTarget.value)} />}
        </Bulk>
      )}
    </div>
  )
}
