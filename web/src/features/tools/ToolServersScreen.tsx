import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'

import type { ToolServerView } from '@/api/generated/schema'
import { IconPlus } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { useIsAdmin, useMay } from '@/ui/rights'
import { Rows } from '@/ui/Rows'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { addressOf } from './connection'
import { Health } from './Health'
import { type Owner, serversQuery } from './servers'
import { ToolTabs } from './ToolTabs'

const route = getRouteApi('/inside/p/$project/tools/servers')

/** MCP servers: the project's own, and those that administrators share. */
export function ToolServersScreen() {
  const { project } = route.useParams()
  const admin = useIsAdmin()
  const may = useMay(project)('tool_server.edit')
  const usable = useQuery(serversQuery(project))
  return (
    <Screen title="Tools" beside={<ToolTabs project={project} shown="servers" />}>
      <Section title="Of this project" aside={may && <NewServer project={project} owner={project} />}>
        <Answered query={usable} rows={3}>
          {(servers) => <List project={project} owner={project} servers={servers.filter((one) => !one.shared)} may={may} />}
        </Answered>
      </Section>
      <Section title="Of the server" aside={admin && <NewServer project={project} owner={null} />}>
        {admin ? (
          <Shared project={project} />
        ) : (
          <Answered query={usable} rows={3}>
            {(servers) => <List project={project} owner={null} servers={servers.filter((one) => one.shared)} may={false} />}
          </Answered>
        )}
      </Section>
    </Screen>
  )
}

function Shared({ project }: { project: string }) {
  const query = useQuery(serversQuery(null))
  return (
    <Answered query={query} rows={3}>
      {(servers) => <List project={project} owner={null} servers={servers} may />}
    </Answered>
  )
}

function NewServer({ project, owner, primary = false }: { project: string; owner: Owner; primary?: boolean }) {
  return (
    <Button
      ms={primary ? undefined : 'auto'}
      size={primary ? 'sm' : 'compact-sm'}
      variant={primary ? 'filled' : 'default'}
      leftSection={<IconPlus size={14} aria-hidden />}
      renderRoot={(props) => (
        <Link to="/p/$project/tools/new-server" params={{ project }} search={owner === null ? { of: 'server' } : {}} {...props} />
      )}
    >
      {owner === null ? 'Share a tool server' : 'Connect a tool server'}
    </Button>
  )
}

interface ListProps {
  project: string
  owner: Owner
  servers: readonly ToolServerView[]
  may: boolean
}

function List({ project, owner, servers, may }: ListProps) {
  if (servers.length === 0)
    return (
      <Empty title={owner === null ? 'No tool server is shared' : 'No tool server is connected'}>
        {owner === null
          ? 'An administrator can set up one for several projects; its secrets are those of the server.'
          : 'A tool server speaks the Model Context Protocol (MCP). Its tools carry its name, such as crm/find_account, and are granted, bounded and recorded like built-in ones.'}
      </Empty>
    )
  return (
    <Rows label={owner === null ? 'Shared tool servers' : 'Tool servers of the project'} columns={['Tool server', 'Health', '#Tools', 'Looked at', ...(owner === null ? ['For'] : [])]}>
      {servers.map((server) => (
        <tr key={server.name}>
          <td>
            <Link to="/p/$project/tools/servers/$server" params={{ project, server: server.name }} search={owner === null && may ? { of: 'server' } : {}} className={table.name}>
              <bdi>{server.name}</bdi>
            </Link>
            <span className={`${table.clip} ${table.dim}`} title={addressOf(server)}>
              <code>{addressOf(server)}</code>
            </span>
          </td>
          <td>
            <Health server={server} />
            {server.problem && (
              <span className={`${table.clip} ${table.dim}`} title={server.problem}>
                <bdi>{server.problem}</bdi>
              </span>
            )}
          </td>
          <td className={table.number}>{server.tools.length}</td>
          <td className={table.dim}>{server.checked_at ? <Moment at={server.checked_at} /> : 'never'}</td>
          {owner === null && <td className={table.dim}>{server.projects?.join(', ') ?? 'all projects'}</td>}
        </tr>
      ))}
    </Rows>
  )
}
