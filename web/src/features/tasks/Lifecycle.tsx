import { ActionIcon, Alert, Button, Group, Menu, Modal, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import type { TaskView } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { IconArchive, IconDots, IconTrash } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { done, failed } from '@/ui/toast'
import { archive, ofTasks, remove, restore } from './lifecycle'

/** Archiving and deleting a task: both can be taken back, deleting for a while. */
export function LifecycleMenu({ project, task }: { project: string; task: TaskView }) {
  const { data } = useQuery(projectQuery(project))
  const [act, setAct] = useState<'archive' | 'delete' | null>(null)
  if (!data?.rights.includes('task.archive') || task.archived_at !== null) return null
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label="More">
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconArchive size={15} aria-hidden />} onClick={() => setAct('archive')}>
            Archive …
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={15} aria-hidden />} onClick={() => setAct('delete')}>
            Delete …
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {act && <PutAway project={project} task={task} act={act} close={() => setAct(null)} />}
    </>
  )
}

function PutAway({ project, task, act, close }: { project: string; task: TaskView; act: 'archive' | 'delete'; close: () => void }) {
  const [note, setNote] = useState('')
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: () => (act === 'archive' ? archive : remove)(project, task.name, note || null),
    onSuccess: () => {
      done(act === 'archive' ? `${task.name} is archived` : `${task.name} is deleted; it can still be brought back`)
      close()
      void client.invalidateQueries({ predicate: ofTasks })
    },
    onError: failed,
  })
  return (
    <Modal opened onClose={close} title={act === 'archive' ? `Archive ${task.name}?` : `Delete ${task.name}?`}>
      <Text size="sm" c="dimmed" mb="sm">
        {act === 'archive'
          ? 'It starts nothing any more and is left out of lists. Its runs stay, those under way go on, and it can be brought back at any time.'
          : 'It starts nothing any more. After a grace period it is removed with its versions, runs and files; until then it can be brought back. The page then says until when.'}
      </Text>
      <TextInput label="Note" placeholder="Why" value={note} maxLength={1000} onChange={({ currentTarget }) => setNote(currentTarget.value)} data-autofocus />
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close}>
          Leave it
        </Button>
        <Button {...(act === 'delete' ? { color: 'red' } : {})} loading={change.isPending} onClick={() => change.mutate()}>
          {act === 'archive' ? 'Archive it' : 'Delete it'}
        </Button>
      </Group>
    </Modal>
  )
}

/** Says that a task is put away, and brings it back. */
export function PutAwayNotice({ project, task }: { project: string; task: TaskView }) {
  const { data } = useQuery(projectQuery(project))
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: () => restore(project, task.name),
    onSuccess: () => {
      done(`${task.name} is back; its schedules plan from now on`)
      void client.invalidateQueries({ predicate: ofTasks })
    },
    onError: failed,
  })
  if (task.archived_at === null) return null
  return (
    <Alert color={task.remove_at ? 'red' : 'gray'} variant="light" mb="md" title={task.remove_at ? 'This task is deleted' : 'This task is archived'}>
      <Group gap="md">
        <Text size="sm">
          {task.remove_at ? (
            <>
              It is removed with its runs <Moment at={task.remove_at} /> (<Moment at={task.remove_at} as="minute" />).
            </>
          ) : (
            <>
              It starts nothing since <Moment at={task.archived_at} as="minute" />.
            </>
          )}
        </Text>
        {data?.rights.includes('task.archive') && (
          <Button ms="auto" size="compact-sm" variant="default" loading={change.isPending} onClick={() => change.mutate()}>
            Bring it back
          </Button>
        )}
      </Group>
    </Alert>
  )
}
