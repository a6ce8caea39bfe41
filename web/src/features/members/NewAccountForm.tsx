import { Button, Group, Select, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'

import { Refusal, sentence } from '@/api/client'
import type { ServerRole } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import type { Made } from './LinkOnce'
import { makeAccount, passwordLink, SERVER_ROLES, STALE } from './people'

const FIELDS = ['person', 'title', 'email', 'server_role']
const EMPTY = { name: '', title: '', email: '', role: 'member' as ServerRole }

/** Makes an account and the link with which its person comes in. */
export function NewAccountForm({ onMade }: { onMade: (made: Made) => void }) {
  const [fields, setFields] = useState(EMPTY)
  const set = (part: Partial<typeof EMPTY>) => setFields({ ...fields, ...part })
  const make = useChange({
    act: async () => {
      const { name } = await makeAccount(fields.name, { title: fields.title || null, email: fields.email || null, server_role: fields.role })
      return { person: name, ...(await passwordLink(name)) }
    },
    stale: STALE,
    said: ({ person }: Made) => `The account ${person} is there; hand the link to its person`,
    then: (made: Made) => {
      setFields(EMPTY)
      onMade(made)
    },
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const problems = problemsOf(make.error)
  // What is said of the account as a whole is about its name: taken, or none that it can have.
  const atName = make.error instanceof Refusal && [409, 422].includes(make.error.status) && Object.keys(make.error.byPath).length === 0 ? sentence(make.error) : undefined
  return (
    <form onSubmit={submit}>
      {!atName && <FormFailure problems={problems} fields={FIELDS} />}
      <Group align="flex-start" gap="xs" mt={make.error ? 'xs' : 0}>
        <TextInput label="Name to sign in with" placeholder="vera" required withAsterisk={false} maxLength={63} value={fields.name} error={atName ?? problems.of('person')} onChange={({ currentTarget }) => set({ name: currentTarget.value })} w={180} />
        <TextInput label="Shown as" placeholder="Vera Lind" maxLength={200} value={fields.title} error={problems.of('title')} onChange={({ currentTarget }) => set({ title: currentTarget.value })} w={180} />
        <TextInput label="Mail" type="email" maxLength={200} value={fields.email} error={problems.of('email')} onChange={({ currentTarget }) => set({ email: currentTarget.value })} w={200} />
        <Select label="On the server" data={SERVER_ROLES} value={fields.role} allowDeselect={false} onChange={(role) => role && set({ role: role as ServerRole })} w={230} />
        <Button type="submit" loading={make.isPending} mt={22}>
          Make the account
        </Button>
      </Group>
    </form>
  )
}
