import { Button, Checkbox, Group, Modal, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { api, ask } from '@/api/client'
import type { TaskView } from '@/api/generated/schema'
import { plural } from '@/ui/format'
import { done, failed } from '@/ui/toast'
import { pause, resume } from './queries'

/** Pauses with a note, or resumes after telling what that would make up for. */
export function PauseButton({ project, task }: { project: string; task: TaskView }) {
  const [opened, dialog] = useDisclosure(false)
  const [note, setNote] = useState('')
  const [catchUp, setCatchUp] = useState(true)
  const client = useQueryClient()
  const paused = task.paused_at !== null
  const change = useMutation({
    mutationFn: () => (paused ? resume(project, task.name, catchUp, note || null) : pause(project, task.name, note || null)),
    onSuccess: () => {
      dialog.close()
      done(paused ? `${task.name} goes on` : `${task.name} is paused; starts are recorded as skipped`)
      void client.invalidateQueries({ predicate: ({ queryKey }) => ['tasks', 'triggers'].includes(String(queryKey[0])) })
    },
    onError: failed,
  })
  return (
    <>
      <Button variant="default" onClick={dialog.open}>
        {paused ? 'Resume' : 'Pause'}
      </Button>
      <Modal opened={opened} onClose={dialog.close} title={paused ? `Resume ${task.name}?` : `Pause ${task.name}?`}>
        {paused ? (
          <>
            <Missed project={project} task={task.name} />
            <Checkbox
              mt="sm"
              label="Make up for what was held back, as the schedules say"
              checked={catchUp}
              onChange={({ currentTarget }) => setCatchUp(currentTarget.checked)}
            />
          </>
        ) : (
          <>
            <Text size="sm" c="dimmed" mb="sm">
              New runs are refused until somebody resumes it; each refusal is recorded with your note. Runs under way go on.
            </Text>
            <TextInput
              label="Note"
              placeholder="Why, and until when"
              value={note}
              maxLength={1000}
              onChange={({ currentTarget }) => setNote(currentTarget.value)}
              data-autofocus
            />
          </>
        )}
        <Group justify="flex-end" mt="lg" gap="xs">
          <Button variant="default" onClick={dialog.close}>
            Leave it
          </Button>
          <Button loading={change.isPending} onClick={() => change.mutate()}>
            {paused ? 'Resume' : 'Pause'}
          </Button>
        </Group>
      </Modal>
    </>
  )
}

function Missed({ project, task }: { project: string; task: string }) {
  const { data } = useQuery({
    queryKey: ['missed', project, task],
    queryFn: () => ask(api.GET('/api/v1/projects/{project}/tasks/{task}/missed', { params: { path: { project, task } } })),
    staleTime: 0,
  })
  if (!data) return <Text size="sm">Counting what was held back …</Text>
  return (
    <Text size="sm">
      {data.held_back === 0
        ? 'Nothing was held back meanwhile.'
        : `${plural(data.held_back, 'planned start was', 'planned starts were')} held back; ${data.would_run} of them would run now.`}
    </Text>
  )
}
