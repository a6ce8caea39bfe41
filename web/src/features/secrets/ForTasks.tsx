import { Button, Group, Modal, TagsInput, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { limitSecret } from '@/api/catalogue'
import type { SecretView } from '@/api/generated/schema'
import { tasksQuery } from '@/api/queries'
import { useChange } from '@/ui/change'
import { FormFailure, problemsOf } from '@/ui/form/problems'

/** Which tasks a secret is kept for: the grant in their file is needed all the same. */
export function ForTasks({ project, secret, close }: { project: string; secret: SecretView; close: () => void }) {
  const [tasks, setTasks] = useState([...(secret.tasks ?? [])])
  const { data: known } = useQuery(tasksQuery(project))
  const keep = useChange({
    act: () => limitSecret(project, secret.name, tasks.length ? tasks : null),
    stale: ['secrets'],
    said: () => (tasks.length ? `${secret.name} is kept for ${tasks.join(', ')}` : `${secret.name} is for every task that is granted it`),
    then: close,
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    keep.mutate()
  }
  const problems = problemsOf(keep.error)
  return (
    <Modal opened onClose={close} title={`Tasks that may use ${secret.name}`}>
      <form onSubmit={submit}>
        <FormFailure problems={problems} fields={['tasks']} />
        <Text size="sm" c="dimmed" mb="sm">
          Other tasks are refused it even where their file grants it. Those named here need the grant, too.
        </Text>
        <TagsInput
          label="Only these tasks"
          placeholder={tasks.length ? undefined : 'Every task that is granted it'}
          data={(known ?? []).map(({ name }) => name)}
          limit={40}
          openOnFocus={false}
          // Below it lies the button that saves.
          comboboxProps={{ position: 'top' }}
          value={tasks}
          error={problems.of('tasks')}
          onChange={setTasks}
          acceptValueOnBlur
          data-autofocus
        />
        <Group justify="flex-end" mt="lg" gap="xs">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={keep.isPending}>
            Save
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
