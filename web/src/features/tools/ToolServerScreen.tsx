import { Button } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'

import { isStatus } from '@/api/client'
import type { ToolServerView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { LeaveGuard, Meanwhile } from '@/ui/form/Editing'
import form from '@/ui/form/Form.module.css'
import { FormFailure } from '@/ui/form/problems'
import { useSaving } from '@/ui/form/saving'
import { IconRefresh } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { Outcome } from '@/ui/Outcome'
import { Removal } from '@/ui/Removal'
import { useIsAdmin, useMay } from '@/ui/rights'
import { Screen, Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { addressOf, connectionOf, FIELDS, fieldsOf } from './connection'
import { ConnectionForm } from './ConnectionForm'
import { Health } from './Health'
import { ServerChanges } from './ServerChanges'
import { lookAt, type Owner, putServer, removeServer, serverQuery } from './servers'
import { ServerTools } from './ServerTools'
import { SignIn } from './SignIn'

const route = getRouteApi('/inside/p/$project/tools/servers/$server')
const STALE = ['tool_servers', 'tools']

/** One tool server: how it is, what has changed, its tools, and how it is reached. */
export function ToolServerScreen() {
  const { project, server: name } = route.useParams()
  const { of } = route.useSearch()
  const admin = useIsAdmin()
  const mayHere = useMay(project)('tool_server.edit')
  const owner: Owner = of === 'server' && admin ? null : project
  const query = useQuery(serverQuery(owner, name))
  const server = query.data
  // A program runs on this machine, whoever's project it serves: that is for administrators.
  const may = server !== undefined && (owner === null ? admin : mayHere && !server.shared && (server.connection.kind === 'http' || admin))
  return (
    <Screen title={name} beside={server && <Health server={server} />} actions={may && <Actions project={project} owner={owner} name={name} />}>
      <Answered query={query}>{(found) => <Server key={`${owner} ${found.name}`} project={project} owner={owner} server={found} may={may} />}</Answered>
    </Screen>
  )
}

function Actions({ project, owner, name }: { project: string; owner: Owner; name: string }) {
  const navigate = useNavigate()
  const client = useQueryClient()
  const look = useChange({
    act: () => lookAt(owner, name),
    stale: STALE,
    said: (now: ToolServerView) => (now.health === 'ok' ? `${name} answers, and is as it was accepted` : now.problem ? `${name} does not work` : `${name} has changed`),
    then: (now) => client.setQueryData(serverQuery(owner, name).queryKey, now),
  })
  return (
    <>
      <Button variant="default" leftSection={<IconRefresh size={15} aria-hidden />} loading={look.isPending} onClick={() => look.mutate()}>
        Test it
      </Button>
      <Removal
        label="Remove"
        size="sm"
        title={`Remove the tool server ${name}?`}
        remove={() => removeServer(owner, name)}
        said={`The tool server ${name} is removed`}
        stale={STALE}
        then={() => void navigate({ to: '/p/$project/tools/servers', params: { project }, ignoreBlocker: true })}
      >
        {owner === null ? 'It is gone for all projects. ' : ''}Tasks and agents that call its tools fail from now on. You can connect it again; what was said of its tools is lost.
      </Removal>
    </>
  )
}

interface ServerProps {
  project: string
  owner: Owner
  server: ToolServerView
  may: boolean
}

function Server({ project, owner, server, may }: ServerProps) {
  return (
    <>
      {server.problem && (
        <Outcome good={false} title={server.problem}>
          <span>{may ? ' Mend it below or on its side, then test it.' : ' Whoever looks after it can mend it.'}</span>
        </Outcome>
      )}
      {server.sign_in && <SignIn owner={owner} server={server} signIn={server.sign_in} may={may} />}
      {server.changes.length > 0 && <ServerChanges owner={owner} server={server} may={may} />}
      <Section title="Tools" aside={server.checked_at && <span className={form.hint}>looked at <Moment at={server.checked_at} /></span>}>
        <ServerTools owner={owner} server={server} may={may} />
      </Section>
      <Section title="How it is reached">{may ? <Edit project={project} owner={owner} server={server} /> : <Way server={server} />}</Section>
    </>
  )
}

function Way({ server }: { server: ToolServerView }) {
  return (
    <dl className={form.facts}>
      <dt>{server.connection.kind === 'http' ? 'Address' : 'Program'}</dt>
      <dd>
        <code>{addressOf(server)}</code>
      </dd>
      <dt>For</dt>
      <dd>{server.shared ? (server.projects?.join(', ') ?? 'all projects') : 'this project'}</dd>
      <dt>Set up by</dt>
      <dd>
        <bdi>{server.created_by}</bdi>, <Moment at={server.updated_at} />
      </dd>
    </dl>
  )
}

function Edit({ project, owner, server }: Omit<ServerProps, 'may'>) {
  const { edited, save, reload, problems } = useSaving({
    stored: server,
    fieldsOf,
    mark: (one) => JSON.stringify(fieldsOf(one)),
    query: serverQuery(owner, server.name),
    put: ({ fields: { enabled, projects, ...way }, base }) =>
      putServer(owner, server.name, { connection: connectionOf({ ...way, enabled, projects }), enabled, projects: projects.length ? projects : null }, base.digest),
    stale: STALE,
    said: (now) => (now.problem ? 'Saved; it does not answer yet' : 'Saved, and looked at'),
  })
  return (
    <>
      <Meanwhile behind={edited.behind} error={save.error} reload={reload} />
      {!isStatus(save.error, 412) && <FormFailure problems={problems} fields={FIELDS} />}
      <ConnectionForm project={project} owner={owner} fields={edited.fields} set={edited.set} problems={problems} busy={save.isPending} changed={edited.changed} kindFixed submit={() => save.mutate()} />
      <LeaveGuard changed={edited.changed} />
    </>
  )
}
