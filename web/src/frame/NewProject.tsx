import { Button, Group, Modal, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { api, ask, Refusal, sentence } from '@/api/client'
import { useChange } from '@/ui/change'

/** Makes a project; whoever makes it owns it. */
export default function NewProject({ close }: { close: () => void }) {
  const [name, setName] = useState('')
  const [title, setTitle] = useState('')
  const navigate = useNavigate()
  const make = useChange({
    act: () => ask(api.PUT('/api/v1/projects/{project}', { params: { path: { project: name } }, body: { title: title || null } })),
    stale: ['projects'],
    said: () => `The project ${name} is there; you own it`,
    then: () => {
      close()
      void navigate({ to: '/p/$project', params: { project: name } })
    },
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const atName = make.error instanceof Refusal && [409, 422].includes(make.error.status)
  return (
    <Modal opened onClose={close} title="New project">
      <form onSubmit={submit}>
        {make.error && !atName && (
          <Text size="sm" role="alert" c="var(--mantine-color-error)">
            {sentence(make.error)}
          </Text>
        )}
        <TextInput label="Name" description="Lower-case letters, digits and -; it stands in addresses" data-autofocus required withAsterisk={false} maxLength={63} value={name} error={atName ? sentence(make.error) : undefined} onChange={({ currentTarget }) => setName(currentTarget.value)} />
        <TextInput mt="sm" label="What it is for" maxLength={200} value={title} onChange={({ currentTarget }) => setTitle(currentTarget.value)} />
        <Group justify="flex-end" mt="lg" gap="xs">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={make.isPending}>
            Make the project
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
