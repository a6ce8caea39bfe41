import { Button, Group, TextInput } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'

import { useDraftChange } from '@/ui/draftChange'
import { withTrigger } from '@/ui/steps/edited'

interface IntoDraftProps {
  project: string
  /** Null: none is chosen yet. */
  task: string | null
  schedule: Record<string, unknown>
  /** The server reads the schedule. */
  good: boolean
  /** Where the task is chosen, if it is. */
  children?: ReactNode
}

/** Puts a schedule into a task's draft, under a name of its own. */
export function IntoDraft({ project, task, schedule, good, children }: IntoDraftProps) {
  const [name, setName] = useState('schedule')
  const draft = useDraftChange(project, task ?? '')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (task) draft.mutate((text) => withTrigger(text, { id: name, schedule }))
  }
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="xs" mt="md">
        {children}
        <TextInput label="Name of the trigger" required withAsterisk={false} maxLength={63} value={name} onChange={({ currentTarget }) => setName(currentTarget.value)} w={180} />
        <Button type="submit" disabled={!good || !task || !name} loading={draft.isPending}>
          Put it into the draft
        </Button>
      </Group>
    </form>
  )
}
