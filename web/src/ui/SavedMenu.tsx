import { ActionIcon, Button, Group, Menu, Modal, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { sentence } from '@/api/client'
import type { JsonValue } from '@/api/generated/schema'
import { forget, keep, savedQuery } from '@/api/saved'
import { IconCheck, IconChevronDown, IconPlus, IconTrash } from './icons'
import { done, failed } from './toast'

type Value = Record<string, JsonValue>

interface SavedMenuProps {
  project: string
  shelf: string
  /** What is kept here, such as `Views`. */
  title: string
  /** The act, such as `Save this view`. */
  keepLabel: string
  /** As it is now. */
  value: Value
  onChoose: (value: Value) => void
}

/** What a person keeps for themselves: chosen again, kept under a name, forgotten. */
export function SavedMenu({ project, shelf, title, keepLabel, value, onChoose }: SavedMenuProps) {
  const { data: found } = useQuery(savedQuery(project, shelf))
  const [naming, name] = useDisclosure(false)
  const client = useQueryClient()
  const read = () => client.invalidateQueries({ queryKey: ['saved', project, shelf] })
  const remove = useMutation({
    mutationFn: (one: { name: string; value: Value }) => forget(project, shelf, one.name),
    onSuccess: (_, one) => {
      void read()
      done(`${one.name} is forgotten`)
    },
    onError: failed,
  })
  const shown = JSON.stringify(value)
  return (
    <>
      <Menu position="bottom-start" width={280}>
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
            {title}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {found?.length === 0 && <Menu.Label>Nothing is saved yet. Only you see what you save.</Menu.Label>}
          {found?.map((one) => (
            <Group key={one.name} gap={0} wrap="nowrap">
              <Menu.Item
                style={{ minWidth: 0 }}
                onClick={() => onChoose(one.value as Value)}
                rightSection={JSON.stringify(one.value) === shown ? <IconCheck size={14} aria-label="shown now" /> : null}
              >
                <Text size="sm" truncate>
                  <bdi>{one.name}</bdi>
                </Text>
              </Menu.Item>
              <ActionIcon variant="subtle" color="gray" aria-label={`Forget ${one.name}`} onClick={() => remove.mutate(one as { name: string; value: Value })}>
                <IconTrash size={14} />
              </ActionIcon>
            </Group>
          ))}
          <Menu.Divider />
          <Menu.Item leftSection={<IconPlus size={14} aria-hidden />} onClick={name.open}>
            {keepLabel} …
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {naming && <Naming title={keepLabel} taken={found?.map((one) => one.name) ?? []} close={name.close} onNamed={(chosen) => keep(project, shelf, chosen, value).then(read)} />}
    </>
  )
}

interface NamingProps {
  title: string
  taken: readonly string[]
  close: () => void
  onNamed: (name: string) => Promise<unknown>
}

function Naming({ title, taken, close, onNamed }: NamingProps) {
  const [name, setName] = useState('')
  const change = useMutation({ mutationFn: () => onNamed(name.trim()), onSuccess: close })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim()) change.mutate()
  }
  return (
    <Modal opened onClose={close} title={title}>
      <form onSubmit={submit}>
        <TextInput
          label="Name"
          description={taken.includes(name.trim()) ? 'You have one of this name already; it is replaced.' : 'Only you see it.'}
          error={change.error ? sentence(change.error) : undefined}
          value={name}
          maxLength={100}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
          data-autofocus
        />
        <Group justify="flex-end" mt="lg" gap="xs">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={change.isPending} disabled={!name.trim()}>
            Save
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
