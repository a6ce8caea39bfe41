import { Button, Group, Modal, PasswordInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { secretsQuery, setSecret } from '@/api/catalogue'
import { useChange } from './change'
import { FormFailure, problemsOf } from './form/problems'

interface SecretPickerProps {
  label: string
  description?: string
  /** Null: the secrets of the server. */
  project: string | null
  /** Name of the secret. */
  value: string | null
  onChange: (name: string | null) => void
  error?: string | undefined
  /** The reader may store another one. */
  mayStore: boolean
  readOnly?: boolean
}

/** Chooses a secret by its name, or keeps a new one; its value is never shown again. */
export function SecretPicker({ label, description, project, value, onChange, error, mayStore, readOnly = false }: SecretPickerProps) {
  const [storing, setStoring] = useState(false)
  const { data } = useQuery({ ...secretsQuery(project), enabled: !readOnly })
  const names = [...new Set([...(data ?? []).map((one) => one.name), ...(value ? [value] : [])])]
  return (
    <div>
      <Select
        label={label}
        description={description}
        placeholder="None"
        data={names}
        value={value}
        onChange={onChange}
        error={error}
        searchable
        clearable
        readOnly={readOnly}
        nothingFoundMessage="No secret has this name"
        clearButtonProps={{ 'aria-label': `No ${label.toLowerCase()}` }}
      />
      {mayStore && !readOnly && (
        <Button mt={6} size="compact-xs" variant="subtle" onClick={() => setStoring(true)}>
          New secret …
        </Button>
      )}
      {storing && (
        <NewSecret
          project={project}
          close={() => setStoring(false)}
          kept={(name) => {
            onChange(name)
            setStoring(false)
          }}
        />
      )}
    </div>
  )
}

/** Name and value of a secret, in a dialog of its own: forms must not lie in one another. */
export function NewSecret({ project, close, kept }: { project: string | null; close: () => void; kept: (name: string) => void }) {
  const [name, setName] = useState('')
  const [value, setValue] = useState('')
  const { data: known } = useQuery(secretsQuery(project))
  const there = known?.some((one) => one.name === name) ?? false
  const store = useChange({
    act: () => setSecret(project, name, value),
    stale: ['secrets'],
    said: () => `${name} is saved, encrypted`,
    then: () => kept(name),
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    // React lets the event of a dialog rise to the form that opened it.
    event.stopPropagation()
    store.mutate()
  }
  const problems = problemsOf(store.error)
  return (
    <Modal opened onClose={close} title={project === null ? 'A new secret of the server' : 'A new secret'}>
      <form onSubmit={submit} autoComplete="off">
        <Stack gap="sm">
          <FormFailure problems={problems} fields={['secret', 'value']} />
          <TextInput label="Name" placeholder="CRM_TOKEN" required withAsterisk={false} data-autofocus value={name} error={problems.of('secret')} onChange={({ currentTarget }) => setName(currentTarget.value)} />
          <PasswordInput label="Value" required withAsterisk={false} autoComplete="new-password" value={value} error={problems.of('value')} onChange={({ currentTarget }) => setValue(currentTarget.value)} />
          <Text size="xs" c={there ? 'var(--outcome-timed_out)' : 'dimmed'} role="status">
            {there ? `There is a secret ${name} already: what it holds now is replaced and cannot be brought back.` : 'Encrypted at once. No screen and no answer ever shows it.'}
          </Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <Button type="submit" loading={store.isPending}>
              {there ? 'Replace the value' : 'Save'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
