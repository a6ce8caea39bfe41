import { Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'

import { modelsQuery } from '@/api/catalogue'
import type { ModelView } from '@/api/generated/schema'
import { Caution } from '@/ui/Caution'
import { count, price } from '@/ui/format'
import { IconPlus } from '@/ui/icons'
import { useIsAdmin, useMay } from '@/ui/rights'
import { Rows } from '@/ui/Rows'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { providerLabel } from './fields'
import type { Owner } from './queries'
import { Tried, useTry } from './Try'

const route = getRouteApi('/inside/p/$project/models')

/** Who thinks, at which price: the project's own models, and those of the server that it may use. */
export function ModelsScreen() {
  const { project } = route.useParams()
  const admin = useIsAdmin()
  const may = useMay(project)('model.edit')
  const usable = useQuery(modelsQuery(project))
  return (
    <Screen title="Models">
      <Section title="Of this project" aside={may && <NewModel project={project} owner={project} />}>
        <Answered query={usable} rows={3}>
          {(models) => <List project={project} owner={project} models={models.filter((one) => !one.shared)} may={may} />}
        </Answered>
      </Section>
      <Section title="Of the server" aside={admin && <NewModel project={project} owner={null} />}>
        {admin ? (
          <Shared project={project} />
        ) : (
          <Answered query={usable} rows={3}>
            {(models) => <List project={project} owner={null} models={models.filter((one) => one.shared)} may={false} />}
          </Answered>
        )}
      </Section>
    </Screen>
  )
}

/** All of the server's, for those who look after them: also those that this project may not use. */
function Shared({ project }: { project: string }) {
  const query = useQuery(modelsQuery(null))
  return (
    <Answered query={query} rows={3}>
      {(models) => <List project={project} owner={null} models={models} may />}
    </Answered>
  )
}

function NewModel({ project, owner }: { project: string; owner: Owner }) {
  return (
    <Button
      ms="auto"
      size="compact-sm"
      variant="default"
      leftSection={<IconPlus size={14} aria-hidden />}
      renderRoot={(props) => (
        <Link to="/p/$project/new-model" params={{ project }} search={owner === null ? { of: 'server' } : {}} {...props} />
      )}
    >
      {owner === null ? 'New model of the server' : 'New model'}
    </Button>
  )
}

interface ListProps {
  project: string
  owner: Owner
  models: readonly ModelView[]
  may: boolean
}

function List({ project, owner, models, may }: ListProps) {
  if (models.length === 0 && owner !== null)
    return (
      <Empty title="The project has no model of its own">
        It uses those of the server. A model of its own is an address, a name and a key that one of the project's secrets holds.
      </Empty>
    )
  return (
    <Rows label={owner === null ? 'Models of the server' : 'Models of the project'} columns={['Model', 'Provider', 'Key', '#Price for 1M tokens', 'Per minute', 'When it fails', ...(owner === null ? ['For'] : [])]} actions={may}>
      {models.map((model) => (
        <Row key={model.name} project={project} owner={owner} model={model} may={may} />
      ))}
      {owner === null && (
        <tr>
          <td>
            <span className={table.name}>embedded</span>
          </td>
          <td className={table.dim}>built in, runs on this machine</td>
          <td className={table.dim}>none</td>
          <td className={table.number}>$0</td>
          <td className={table.dim}>no limit</td>
          <td />
          <td className={table.dim}>everybody</td>
          {may && <td />}
        </tr>
      )}
    </Rows>
  )
}

function Row({ project, owner, model, may }: { project: string; owner: Owner; model: ModelView; may: boolean }) {
  const trial = useTry(owner, model.name)
  return (
    <>
      <tr>
        <td>
          <Link to="/p/$project/models/$model" params={{ project, model: model.name }} search={owner === null ? { of: 'server' } : {}} className={table.name}>
            <bdi>{model.name}</bdi>
          </Link>
        </td>
        <td>
          {providerLabel(model.provider)}
          {model.provider_name && (
            <span className={`${table.clip} ${table.dim}`} title={model.provider_name}>
              <bdi>{model.provider_name}</bdi>
            </span>
          )}
        </td>
        <td>{model.api_key ? <code>{model.api_key.replace(/^secret:/, '')}</code> : <span className={table.dim}>none</span>}</td>
        <td className={table.number}>
          <Price model={model} />
        </td>
        <td className={table.dim}>{rateOf(model)}</td>
        <td>{model.fallback.length ? <span title="Asked in this order">{model.fallback.join(' → ')}</span> : <span className={table.dim}>the step fails</span>}</td>
        {owner === null && <td className={table.dim}>{forWhom(model)}</td>}
        {may && (
          <td className={table.number}>
            <Button size="compact-xs" variant="default" loading={trial.isPending} onClick={() => trial.mutate()} aria-label={`Test ${model.name}`}>
              Test
            </Button>
          </td>
        )}
      </tr>
      {trial.data && (
        <tr>
          <td colSpan={owner === null ? 8 : 7}>
            <Tried name={model.name} tried={trial.data} />
          </td>
        </tr>
      )}
    </>
  )
}

function Price({ model }: { model: ModelView }) {
  if (model.price_from === 'unknown')
    return <Caution title="Counted as $0: bound its tokens and requests, or say what it costs">not known</Caution>
  const declared = model.price_from === 'declared' ? 'as it was set' : 'as its provider has published'
  return (
    <span title={`in / out, ${declared}`}>
      {price(Number(model.usd_per_million_input))} / {price(Number(model.usd_per_million_output))}
      {model.price_from === 'published' && (
        <Text span size="xs" c="dimmed" display="block">
          published
        </Text>
      )}
    </span>
  )
}

function rateOf({ requests_per_minute: requests, tokens_per_minute: tokens }: ModelView): string {
  const bounds = [requests && `${count(requests)} requests`, tokens && `${count(tokens)} tokens`].filter(Boolean)
  return bounds.join(', ') || 'no limit'
}

function forWhom({ projects, least_role: role }: ModelView): string {
  const where = projects === null ? 'all projects' : projects.join(', ')
  return role === null ? where : `${where}; put into tasks by ${role}s`
}
