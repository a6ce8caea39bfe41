import { ActionIcon, Autocomplete, Button, Group, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { groupsQuery, peopleQuery } from '@/api/catalogue'
import type { GroupView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { IconX } from '@/ui/icons'
import { Removal } from '@/ui/Removal'
import { Rows } from '@/ui/Rows'
import { Answered } from '@/ui/states'
import table from '@/ui/Table.module.css'
import classes from './Groups.module.css'
import { addToGroup, createGroup, removeGroup, takeOutOfGroup } from './queries'

const STALE = ['groups', 'members']

/** Groups belong to the server; a role that a group has in a project is that of all its people. */
export function Groups({ may }: { may: boolean }) {
  const query = useQuery(groupsQuery)
  return (
    <div className={classes.groups}>
      <Text size="sm" c="dimmed">
        A role that is given to <code>group:NAME</code> is the role of all its people. Tasks and approvals name it the same way.
      </Text>
      {may && <NewGroup />}
      <Answered query={query} rows={2}>
        {(groups) =>
          groups.length === 0 ? (
            <Text size="sm" c="dimmed">
              There is no group yet.
            </Text>
          ) : (
            <Rows label="Groups" columns={['Group', 'People']} actions={may}>
              {groups.map((group) => (
                <Row key={group.name} group={group} may={may} />
              ))}
            </Rows>
          )
        }
      </Answered>
    </div>
  )
}

function NewGroup() {
  const [name, setName] = useState('')
  const [title, setTitle] = useState('')
  const make = useChange({
    act: () => createGroup(name, title || null),
    stale: STALE,
    said: () => `The group ${name} is there; put people into it`,
    then: () => {
      setName('')
      setTitle('')
    },
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const problems = problemsOf(make.error)
  return (
    <form onSubmit={submit}>
      <FormFailure problems={problems} fields={['group', 'title']} />
      <Group align="flex-start" gap="xs" mt={make.error ? 'xs' : 0}>
        <TextInput label="New group" placeholder="ops" required withAsterisk={false} value={name} error={problems.of('group')} onChange={({ currentTarget }) => setName(currentTarget.value)} w={160} />
        <TextInput label="What it is" placeholder="Operations" maxLength={200} value={title} error={problems.of('title')} onChange={({ currentTarget }) => setTitle(currentTarget.value)} w={240} />
        <Button type="submit" variant="default" loading={make.isPending} mt={22}>
          Make it
        </Button>
      </Group>
    </form>
  )
}

function Row({ group, may }: { group: GroupView; may: boolean }) {
  const take = useChange({
    act: (person: string) => takeOutOfGroup(group.name, person),
    stale: STALE,
    said: (_, person) => `${person} is in ${group.name} no longer`,
  })
  return (
    <tr>
      <td>
        <span className={table.name}>
          <bdi>{group.title ?? group.name}</bdi>
        </span>
        <code className={table.dim}>group:{group.name}</code>
      </td>
      <td>
        <div className={classes.people}>
          {group.people.length === 0 && <span className={table.dim}>nobody yet</span>}
          {group.people.map((person) => (
            <span key={person} className={classes.person}>
              <bdi>{person}</bdi>
              {may && (
                <ActionIcon variant="subtle" color="gray" size="xs" aria-label={`Take ${person} out of ${group.name}`} loading={take.isPending && take.variables === person} onClick={() => take.mutate(person)}>
                  <IconX size={12} aria-hidden />
                </ActionIcon>
              )}
            </span>
          ))}
          {may && <AddPerson group={group} />}
        </div>
      </td>
      {may && (
        <td className={table.number}>
          <Removal label="Remove" title={`Remove the group ${group.name}?`} remove={() => removeGroup(group.name)} said={`The group ${group.name} is removed`} stale={STALE}>
            Its {group.people.length} people lose every role that they have by it, in all projects. It cannot be brought back.
          </Removal>
        </td>
      )}
    </tr>
  )
}

function AddPerson({ group }: { group: GroupView }) {
  const [name, setName] = useState('')
  const people = useQuery(peopleQuery)
  const add = useChange({
    act: (person: string) => addToGroup(group.name, person),
    stale: STALE,
    said: (_, person) => `${person} is in ${group.name} now`,
    then: () => setName(''),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name) add.mutate(name)
  }
  const others = (people.data?.items ?? []).map((person) => person.name).filter((person) => !group.people.includes(person))
  return (
    <form onSubmit={submit} className={classes.add}>
      <Autocomplete aria-label={`Put somebody into ${group.name}`} placeholder="Add somebody" size="xs" w={150} data={others} limit={20} value={name} onChange={setName} />
      <Button type="submit" size="compact-xs" variant="default" disabled={!name} loading={add.isPending} aria-label={`Add to ${group.name}`}>
        Add
      </Button>
    </form>
  )
}
