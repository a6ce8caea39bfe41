import { useNavigate } from '@tanstack/react-router'

import { propose } from '@/api/drafts'
import { useChange } from './change'

/** Puts a change into the draft of a task and shows it in the editor, where it is tried and stored. */
export function useDraftChange(project: string, task: string) {
  const navigate = useNavigate()
  return useChange({
    act: (change: (text: string) => string) => propose(project, task, change),
    stale: [],
    said: () => 'It is in the draft; look at it and save it',
    then: () => void navigate({ to: '/p/$project/tasks/$task/edit', params: { project, task } }),
  })
}
