import { CloseButton, Select, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'

import { toolsQuery } from '@/api/catalogue'
import type { ToolView } from '@/api/generated/schema'
import { IconX } from '@/ui/icons'
import { Rows } from '@/ui/Rows'
import { SchemaTable } from '@/ui/SchemaTable'
import { Screen, Section } from '@/ui/Screen'
import { Sought } from '@/ui/Sought'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { Effect, effectLabel } from './Effect'
import type { ToolsSearch } from './search'
import type { EffectName } from './servers'
import classes from './Tools.module.css'
import { ToolTabs } from './ToolTabs'

const route = getRouteApi('/inside/p/$project/tools')
const EFFECTS: EffectName[] = ['none', 'reads', 'changes']

/** Everything that tasks of the project can be granted: what it does, to what, with which input and output. */
export function ToolsScreen() {
  const { project } = route.useParams()
  const search = route.useSearch()
  const navigate = useNavigate()
  const query = useQuery(toolsQuery(project))
  const show = (part: Partial<ToolsSearch>) => void navigate({ to: '.', search: { ...search, ...part }, replace: true })
  return (
    <Screen title="Tools" beside={<ToolTabs project={project} shown="tools" />}>
      <div className={classes.filters} role="search" aria-label="Filter tools">
        <Sought label="Find a tool" placeholder="Find a tool" words={search.q ?? ''} onWords={(q) => show({ q: q || undefined })} />
        <Select aria-label="Effect" placeholder="Any effect" data={EFFECTS.map((value) => ({ value, label: effectLabel(value) }))} value={search.effect ?? null} onChange={(effect) => show({ effect: EFFECTS.find((one) => one === effect) })} clearable clearButtonProps={{ 'aria-label': 'Any effect' }} w={180} />
      </div>
      <Answered query={query}>
        {(tools) => {
          const found = tools.filter((tool) => fits(tool, search))
          const shown = tools.find(({ name }) => name === search.tool)
          return (
            <div className={classes.columns} data-alone={!shown || undefined}>
              {found.length === 0 ? (
                <Empty title="No tool is like this">Take out a filter, or connect a tool server: its tools appear here once they are accepted.</Empty>
              ) : (
                <List project={project} tools={found} search={search} />
              )}
              {shown && <Detail project={project} tool={shown} close={() => show({ tool: undefined })} />}
            </div>
          )
        }}
      </Answered>
    </Screen>
  )
}

function List({ project, tools, search }: { project: string; tools: readonly ToolView[]; search: ToolsSearch }) {
  return (
    <Rows label="Tools" columns={['Tool', 'Effect', 'From']}>
      {tools.map((tool) => (
        <tr key={tool.name} data-selected={tool.name === search.tool || undefined}>
          <td>
            <Link to="/p/$project/tools" params={{ project }} search={{ ...search, tool: tool.name }} className={table.name} aria-current={tool.name === search.tool || undefined}>
              <code>{tool.name}</code>
            </Link>
            <span className={classes.description} title={tool.description}>
              <bdi>{tool.description}</bdi>
            </span>
          </td>
          <td>
            <Effect effect={tool.effect} />
          </td>
          <td className={`${table.dim} ${classes.from}`}>
            {tool.server === null ? (
              <bdi>{tool.package ?? 'built in'}</bdi>
            ) : (
              <Link to="/p/$project/tools/servers/$server" params={{ project, server: tool.server }}>
                <bdi>{tool.server}</bdi>
              </Link>
            )}
          </td>
        </tr>
      ))}
    </Rows>
  )
}

function Detail({ project, tool, close }: { project: string; tool: ToolView; close: () => void }) {
  return (
    <section className={classes.detail} aria-label={`Tool ${tool.name}`}>
      <div className={classes.detailHead}>
        <Title order={2}>
          <code>{tool.name}</code>
        </Title>
        <Effect effect={tool.effect} />
        <CloseButton ms="auto" aria-label="Close" icon={<IconX size={16} aria-hidden />} onClick={close} />
      </div>
      <p className={classes.about}>
        <bdi>{tool.description}</bdi>
      </p>
      {tool.returns_outside_data && (
        <p className={classes.about}>What it gives is data from outside: tools that change something ask before they use it, unless the task grants it.</p>
      )}
      <p className={classes.about}>
        A task may use it when it is granted: <code>{`grants: {tools: [${tool.name}]}`}</code>
        {tool.package !== null && ` It comes from the installed package ${tool.package}.`}
        {tool.server !== null && (
          <>
            {' '}
            It comes from{' '}
            <Link to="/p/$project/tools/servers/$server" params={{ project, server: tool.server }}>
              {tool.server}
            </Link>
            .
          </>
        )}
      </p>
      <Section title="Takes">
        <SchemaTable schema={tool.input_schema} label={`Input of ${tool.name}`} none="Nothing." />
      </Section>
      <Section title="Gives">
        <SchemaTable schema={tool.output_schema} label={`Output of ${tool.name}`} none="An object of any form." />
      </Section>
    </section>
  )
}

function fits({ name, description, effect }: ToolView, search: ToolsSearch): boolean {
  const text = `${name} ${description}`.toLowerCase()
  const words = (search.q ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  return (!search.effect || effect === search.effect) && words.every((word) => text.includes(word))
}
