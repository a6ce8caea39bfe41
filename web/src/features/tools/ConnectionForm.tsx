import { ActionIcon, Button, Collapse, MultiSelect, SegmentedControl, Switch, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'

import { projectsQuery } from '@/api/queries'
import form from '@/ui/form/Form.module.css'
import type { Problems } from '@/ui/form/problems'
import { IconChevronDown, IconPlus, IconX } from '@/ui/icons'
import { useIsAdmin, useMay } from '@/ui/rights'
import { SecretPicker } from '@/ui/SecretPicker'
import type { ConnectionFields, Pair } from './connection'
import type { Owner } from './servers'

interface ConnectionFormProps {
  project: string
  owner: Owner
  fields: ConnectionFields
  set: (part: Partial<ConnectionFields>) => void
  problems: Problems
  busy: boolean
  changed: boolean
  /** An address stays an address, and a program a program. */
  kindFixed?: boolean
  submit: () => void
  /** Above the first field. */
  children?: ReactNode
}

/** How a tool server is reached: at an address, or as a program on this machine. */
export function ConnectionForm({ project, owner, fields, set, problems, busy, changed, kindFixed = false, submit, children }: ConnectionFormProps) {
  const admin = useIsAdmin()
  const send = (event: FormEvent) => {
    event.preventDefault()
    submit()
  }
  const part = { project, owner, fields, set, problems }
  return (
    <form onSubmit={send} className={form.sheet} style={{ maxWidth: 720 }}>
      {children}
      {!kindFixed && admin && (
        <div>
          <SegmentedControl
            aria-label="How it is reached"
            size="xs"
            data={[
              { value: 'http', label: 'At an address' },
              { value: 'program', label: 'As a program here' },
            ]}
            value={fields.kind}
            onChange={(kind) => set({ kind: kind === 'program' ? 'program' : 'http' })}
          />
        </div>
      )}
      {fields.kind === 'http' ? <AddressFields {...part} /> : <ProgramFields {...part} />}
      <Bounds {...part} />
      {owner === null && <ForWhom {...part} />}
      <Switch label="Its tools can be called" checked={fields.enabled} onChange={({ currentTarget: { checked } }) => set({ enabled: checked })} />
      <div className={form.foot}>
        <Button type="submit" loading={busy} disabled={!changed}>
          {kindFixed ? 'Save' : 'Connect it'}
        </Button>
        <Text size="xs" c="dimmed">
          {kindFixed ? 'It is asked at once what it has.' : 'It is asked what it has, and its tools are accepted as they are now.'}
        </Text>
      </div>
    </form>
  )
}

type Part = Pick<ConnectionFormProps, 'project' | 'owner' | 'fields' | 'set' | 'problems'>

function AddressFields({ project, owner, fields, set, problems }: Part) {
  const mayStore = useMay(project)('secret.write')
  return (
    <>
      <TextInput label="Address" description="Where it speaks streamable HTTP; addresses inside your own network take an administrator's leave" placeholder="https://crm.example/mcp" required withAsterisk={false} value={fields.url} error={problems.of('connection.url')} onChange={({ currentTarget }) => set({ url: currentTarget.value })} />
      <Switch label="A person signs in there (OAuth)" description="Once it is saved, its screen offers to; the token is kept with the secrets" checked={fields.signIn} onChange={({ currentTarget: { checked } }) => set({ signIn: checked })} />
      {fields.signIn ? (
        <div className={form.row}>
          <TextInput label="Scope" placeholder="What the server names" value={fields.scope} error={problems.of('connection.oauth.scope')} onChange={({ currentTarget }) => set({ scope: currentTarget.value })} />
          <TextInput label="Client id" placeholder="We register by ourselves" value={fields.clientId} error={problems.of('connection.oauth.client_id')} onChange={({ currentTarget }) => set({ clientId: currentTarget.value })} />
          {fields.clientId !== '' && <SecretPicker label="Client secret" project={owner} value={fields.clientSecret} onChange={(clientSecret) => set({ clientSecret })} error={problems.of('connection.oauth')} mayStore={owner === null || mayStore} />}
        </div>
      ) : (
        <SecretPicker label="Token" description={`A secret of the ${owner === null ? 'server' : 'project'}, sent as Authorization: Bearer …`} project={owner} value={fields.bearer} onChange={(bearer) => set({ bearer })} error={problems.of('connection.bearer')} mayStore={owner === null || mayStore} />
      )}
      <Pairs legend="Further headers" one="header" hint="A credential is written as secret:NAME" list={fields.headers} onChange={(headers) => set({ headers })} error={problems.of('connection.headers')} />
    </>
  )
}

function ProgramFields({ fields, set, problems }: Part) {
  return (
    <>
      <TextInput label="Program" description="Started on this machine; it gets PATH, LANG, an empty HOME and what you name below" placeholder="uvx" required withAsterisk={false} value={fields.command} error={problems.of('connection.command')} onChange={({ currentTarget }) => set({ command: currentTarget.value })} />
      <Textarea label="Arguments" description="One a line" placeholder="crm-mcp-server" autosize minRows={2} maxRows={10} value={fields.args} error={problems.of('connection.args')} onChange={({ currentTarget }) => set({ args: currentTarget.value })} />
      <Pairs legend="Environment" one="variable" hint="A credential is written as secret:NAME" list={fields.env} onChange={(env) => set({ env })} error={problems.of('connection.env')} />
    </>
  )
}

interface PairsProps {
  legend: string
  one: string
  hint: string
  list: readonly Pair[]
  onChange: (list: Pair[]) => void
  error: string | undefined
}

function Pairs({ legend, one, hint, list, onChange, error }: PairsProps) {
  const change = (place: number, part: Partial<Pair>) => onChange(list.map((pair, at) => (at === place ? { ...pair, ...part } : pair)))
  return (
    <fieldset className={form.group}>
      <legend className={form.legend}>{legend}</legend>
      <span className={form.hint}>{hint}</span>
      {list.map((pair, place) => (
        <div key={place} className={form.line}>
          <TextInput aria-label={`Name of ${one} ${place + 1}`} placeholder="X-Api-Key" value={pair.name} onChange={({ currentTarget }) => change(place, { name: currentTarget.value })} />
          <TextInput aria-label={`Value of ${one} ${place + 1}`} placeholder="secret:CRM_KEY" value={pair.value} onChange={({ currentTarget }) => change(place, { value: currentTarget.value })} />
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Take out ${one} ${place + 1}`} onClick={() => onChange(list.filter((_, at) => at !== place))}>
            <IconX size={16} aria-hidden />
          </ActionIcon>
        </div>
      ))}
      {error && (
        <Text size="xs" c="var(--mantine-color-error)">
          {error}
        </Text>
      )}
      <div>
        <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange([...list, { name: '', value: '' }])}>
          Add a {one}
        </Button>
      </div>
    </fieldset>
  )
}

type Bound = 'timeout' | 'start_timeout' | 'max_answer' | 'idle' | 'memory' | 'cpu' | 'folder'

function Bounds({ fields, set, problems }: Part) {
  const program = fields.kind === 'program'
  const names: Bound[] = ['timeout', 'start_timeout', 'max_answer', 'idle', ...(program ? (['memory', 'cpu', 'folder'] as const) : [])]
  const [open, setOpen] = useState(false)
  const wrong = names.some((name) => problems.of(`connection.${name}`))
  const bound = (name: Bound, label: string, placeholder: string) => (
    <TextInput label={label} placeholder={placeholder} value={fields[name]} error={problems.of(`connection.${name}`)} onChange={({ currentTarget }) => set({ [name]: currentTarget.value })} />
  )
  return (
    <div>
      <Button size="compact-sm" variant="subtle" aria-expanded={open || wrong} rightSection={<IconChevronDown size={14} aria-hidden />} onClick={() => setOpen(!open)}>
        Limits
      </Button>
      <Collapse expanded={open || wrong}>
        <div className={form.row} style={{ paddingTop: 8 }}>
          {bound('timeout', 'One call', '60s')}
          {bound('start_timeout', 'Beginning a session', '30s')}
          {bound('max_answer', 'Largest answer', '8MiB')}
          {bound('idle', 'Idle session ends after', '5m')}
          {program && bound('memory', 'Memory', '1GiB')}
          {program && bound('cpu', 'Processor time', '10m')}
          {program && bound('folder', 'Folder', 'An empty one')}
        </div>
      </Collapse>
    </div>
  )
}

function ForWhom({ fields, set, problems }: Part) {
  const { data: projects } = useQuery(projectsQuery)
  return <MultiSelect label="Projects that may use it" placeholder={fields.projects.length ? undefined : 'All'} data={[...new Set([...(projects ?? []), ...fields.projects])]} value={fields.projects} error={problems.of('projects')} onChange={(chosen) => set({ projects: chosen })} searchable clearable />
}
