import { Button, Group, PasswordInput, TextInput, VisuallyHidden } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { api, ask } from '@/api/client'
import type { SecretView } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { Confirm } from '@/ui/Confirm'
import { Moment } from '@/ui/moments'
import { Screen } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { done, failed } from '@/ui/toast'

const route = getRouteApi('/inside/p/$project/secrets')

/** Names of secrets and their last use; no screen and no request ever shows a value. */
export function SecretsScreen() {
  const { project } = route.useParams()
  const { data: own } = useQuery(projectQuery(project))
  const may = own?.rights.includes('secret.write') ?? false
  const query = useQuery({
    queryKey: ['secrets', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/secrets', { params: { path: { project } }, signal })),
  })
  return (
    <Screen title="Secrets">
      {may && <SetSecret project={project} />}
      <Answered query={query}>
        {(secrets) =>
          secrets.length === 0 ? (
            <Empty title="No secret is kept here">
              A task names one as <code>secret:NAME</code> where a tool needs it, and lists it under <code>grants.secrets</code>.
            </Empty>
          ) : (
            <div className={table.wrap}>
              <table className={table.table}>
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">For</th>
                    <th scope="col">Changed</th>
                    <th scope="col">Last used</th>
                    <th scope="col">
                      <VisuallyHidden>Actions</VisuallyHidden>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {secrets.map((secret) => (
                    <Row key={secret.name} project={project} secret={secret} may={may} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answered>
    </Screen>
  )
}

function SetSecret({ project }: { project: string }) {
  const [name, setName] = useState('')
  const [value, setValue] = useState('')
  const client = useQueryClient()
  const set = useMutation({
    mutationFn: () => ask(api.PUT('/api/v1/projects/{project}/secrets/{secret}', { params: { path: { project, secret: name } }, body: { value } })),
    onSuccess: () => {
      done(`${name} is kept, encrypted; runs take it from now on`)
      setName('')
      setValue('')
      void client.invalidateQueries({ queryKey: ['secrets', project] })
    },
    onError: failed,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    set.mutate()
  }
  return (
    <form onSubmit={submit} autoComplete="off">
      <Group align="flex-end" gap="xs">
        <TextInput label="Name" placeholder="SMTP_PASSWORD" required withAsterisk={false} value={name} onChange={({ currentTarget }) => setName(currentTarget.value)} />
        <PasswordInput label="Value" w={280} required withAsterisk={false} autoComplete="new-password" value={value} onChange={({ currentTarget }) => setValue(currentTarget.value)} />
        <Button type="submit" loading={set.isPending}>
          Keep it
        </Button>
      </Group>
    </form>
  )
}

function Row({ project, secret, may }: { project: string; secret: SecretView; may: boolean }) {
  const [removing, setRemoving] = useState(false)
  const client = useQueryClient()
  const remove = async () => {
    await ask(api.DELETE('/api/v1/projects/{project}/secrets/{secret}', { params: { path: { project, secret: secret.name } } }))
    await client.invalidateQueries({ queryKey: ['secrets', project] })
    done(`${secret.name} is forgotten`)
  }
  return (
    <tr>
      <td>
        <code>{secret.name}</code>
      </td>
      <td className={table.dim}>{secret.tasks === null ? 'every task that is granted it' : secret.tasks.join(', ')}</td>
      <td className={table.dim}>
        <Moment at={secret.updated_at} />
      </td>
      <td className={table.dim}>{secret.last_used_at ? <Moment at={secret.last_used_at} /> : 'never'}</td>
      <td className={table.number}>
        {may && (
          <Button size="compact-xs" variant="default" onClick={() => setRemoving(true)}>
            Forget
          </Button>
        )}
        {removing && (
          <Confirm title={`Forget ${secret.name}?`} act="Forget it" onConfirm={remove} close={() => setRemoving(false)}>
            Tasks that need it fail from now on. Its value cannot be brought back.
          </Confirm>
        )}
      </td>
    </tr>
  )
}
