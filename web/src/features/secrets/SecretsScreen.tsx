import { Button, Group, PasswordInput, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { deleteSecret, secretsQuery, setSecret } from '@/api/catalogue'
import type { SecretView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { IconPlus } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { Removal } from '@/ui/Removal'
import { useIsAdmin, useMay } from '@/ui/rights'
import { Rows } from '@/ui/Rows'
import { Screen, Section } from '@/ui/Screen'
import { NewSecret } from '@/ui/SecretPicker'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { ForTasks } from './ForTasks'

const route = getRouteApi('/inside/p/$project/secrets')

/** Names of secrets and their last use; no screen and no request ever shows a value. */
export function SecretsScreen() {
  const { project } = route.useParams()
  const may = useMay(project)('secret.write')
  const admin = useIsAdmin()
  return (
    <Screen title="Secrets">
      <Secrets owner={project} may={may} />
      {admin && <OfServer />}
    </Screen>
  )
}

/** Those of the server: keys of its models and of shared tool servers. */
function OfServer() {
  const [storing, setStoring] = useState(false)
  const button = (
    <Button ms="auto" size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setStoring(true)}>
      New secret of the server
    </Button>
  )
  return (
    <Section title="Of the server" aside={button}>
      <Secrets owner={null} may />
      {storing && <NewSecret project={null} close={() => setStoring(false)} kept={() => setStoring(false)} />}
    </Section>
  )
}

/** `owner`: a project, or (null) the server, whose models and shared tool servers alone use them. */
function Secrets({ owner, may }: { owner: string | null; may: boolean }) {
  const query = useQuery(secretsQuery(owner))
  return (
    <>
      {may && owner !== null && <SetSecret project={owner} />}
      <Answered query={query} rows={3}>
        {(secrets) =>
          secrets.length === 0 ? (
            <Empty title={owner === null ? 'The server has no secret yet' : 'No secret here yet'}>
              {owner === null ? (
                'Keys of models and of tool servers for several projects. No task can read them.'
              ) : (
                <>
                  A task names one as <code>secret:NAME</code> where a tool needs it, and lists it under <code>grants.secrets</code>.
                </>
              )}
            </Empty>
          ) : (
            <Rows label={owner === null ? 'Secrets of the server' : 'Secrets'} columns={['Name', ...(owner === null ? [] : ['For']), 'Changed', 'Last used']} actions={may}>
              {secrets.map((secret) => (
                <Row key={secret.name} owner={owner} secret={secret} may={may} />
              ))}
            </Rows>
          )
        }
      </Answered>
    </>
  )
}

function SetSecret({ project }: { project: string }) {
  const [name, setName] = useState('')
  const [value, setValue] = useState('')
  const { data: known } = useQuery(secretsQuery(project))
  const there = known?.some((one) => one.name === name) ?? false
  const set = useChange({
    act: () => setSecret(project, name, value),
    stale: ['secrets'],
    said: () => `${name} is saved, encrypted; runs take it from now on`,
    then: () => {
      setName('')
      setValue('')
    },
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    set.mutate()
  }
  const problems = problemsOf(set.error)
  return (
    <form onSubmit={submit} autoComplete="off">
      <FormFailure problems={problems} fields={['secret', 'value']} />
      <Group align="flex-start" gap="xs" mt={set.error ? 'xs' : 0}>
        <TextInput label="Name" placeholder="SMTP_PASSWORD" required withAsterisk={false} value={name} error={problems.of('secret')} onChange={({ currentTarget }) => setName(currentTarget.value)} />
        <PasswordInput label="Value" w={280} required withAsterisk={false} autoComplete="new-password" value={value} error={problems.of('value')} onChange={({ currentTarget }) => setValue(currentTarget.value)} />
        <Button type="submit" loading={set.isPending} mt={22}>
          {there ? 'Replace the value' : 'Save'}
        </Button>
      </Group>
      <Text size="xs" mt={4} role="status" c="var(--outcome-timed_out)">
        {there && `There is a secret ${name} already: what it holds now is replaced and cannot be brought back.`}
      </Text>
    </form>
  )
}

function Row({ owner, secret, may }: { owner: string | null; secret: SecretView; may: boolean }) {
  const [limiting, setLimiting] = useState(false)
  return (
    <tr>
      <td>
        <code>{secret.name}</code>
      </td>
      {owner !== null && <td className={table.dim}>{secret.tasks === null ? 'every task that is granted it' : secret.tasks.join(', ')}</td>}
      <td className={table.dim}>
        <Moment at={secret.updated_at} />
      </td>
      <td className={table.dim}>{secret.last_used_at ? <Moment at={secret.last_used_at} /> : 'never'}</td>
      {may && (
        <td className={table.number}>
          {owner !== null && (
            <Button size="compact-xs" variant="default" me={6} aria-label={`Tasks that may use ${secret.name} …`} onClick={() => setLimiting(true)}>
              Tasks
            </Button>
          )}
          <Removal label="Forget" title={`Forget ${secret.name}?`} act="Forget it" remove={() => deleteSecret(owner, secret.name)} said={`${secret.name} is forgotten`} stale={['secrets']}>
            {owner === null ? 'Models and tool servers that need it fail from now on.' : 'Tasks that need it fail from now on.'} Its value cannot be brought back.
          </Removal>
          {limiting && owner !== null && <ForTasks project={owner} secret={secret} close={() => setLimiting(false)} />}
        </td>
      )}
    </tr>
  )
}
