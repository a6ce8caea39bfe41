import { Button, MultiSelect, NumberInput, Select, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { FormEvent, ReactNode } from 'react'

import { modelsQuery } from '@/api/catalogue'
import { projectsQuery } from '@/api/queries'
import form from '@/ui/form/Form.module.css'
import { OrderedChoice } from '@/ui/form/OrderedChoice'
import type { Problems } from '@/ui/form/problems'
import { useMay } from '@/ui/rights'
import { SecretPicker } from '@/ui/SecretPicker'
import { type ModelFields, needsAddress, needsKey, PROVIDERS, takesKey } from './fields'
import type { Owner } from './queries'

interface ModelFormProps {
  project: string
  owner: Owner
  /** Its name: it cannot stand in for itself. */
  own: string
  fields: ModelFields
  set: (part: Partial<ModelFields>) => void
  problems: Problems
  readOnly?: boolean
  busy: boolean
  changed: boolean
  submit: () => void
  /** Above the first field. */
  children?: ReactNode
}

/** What makes a model. */
export function ModelForm({ project, owner, own, fields, set, problems, readOnly = false, busy, changed, submit, children }: ModelFormProps) {
  const mayStore = useMay(project)('secret.write')
  const { data: others } = useQuery({ ...modelsQuery(owner), enabled: !readOnly })
  const fallbacks = [...(others ?? []).map(({ name }) => name).filter((name) => name !== own), 'embedded']
  const send = (event: FormEvent) => {
    event.preventDefault()
    submit()
  }
  const { provider } = fields
  return (
    <form onSubmit={send} className={form.sheet}>
      {children}
      <div className={form.row}>
        <Select label="Provider" data={PROVIDERS} value={provider} allowDeselect={false} readOnly={readOnly} error={problems.of('provider')} onChange={(chosen) => chosen && set({ provider: chosen })} />
        {provider !== 'embedded' && (
          <TextInput label="What the provider calls it" placeholder="gpt-5-mini" value={fields.name} maxLength={200} required withAsterisk={false} readOnly={readOnly} error={problems.of('name')} onChange={({ currentTarget }) => set({ name: currentTarget.value })} />
        )}
      </div>
      {(needsAddress(provider) || provider === 'ollama' || fields.base_url !== '') && (
        <TextInput
          label="Address"
          description={needsAddress(provider) ? 'Where the server answers, up to /v1' : 'Only where it is not the usual one'}
          placeholder={provider === 'ollama' ? 'http://localhost:11434/v1' : 'https://llm.example/v1'}
          value={fields.base_url}
          required={needsAddress(provider)}
          withAsterisk={false}
          readOnly={readOnly}
          error={problems.of('base_url')}
          onChange={({ currentTarget }) => set({ base_url: currentTarget.value })}
        />
      )}
      {(takesKey(provider) || fields.key !== null) && (
        <SecretPicker
          label="Key"
          description={`A secret of the ${owner === null ? 'server' : 'project'} that holds it${needsKey(provider) ? '' : ', where the server asks for one'}`}
          project={owner}
          value={fields.key}
          onChange={(key) => set({ key })}
          error={problems.of('api_key')}
          mayStore={owner === null || mayStore}
          readOnly={readOnly}
        />
      )}
      <Amounts fields={fields} set={set} problems={problems} readOnly={readOnly} />
      <OrderedChoice
        label="When it fails"
        description="After its own retries these are asked, in this order"
        none="The step fails."
        choices={fallbacks}
        value={fields.fallback}
        onChange={(fallback) => set({ fallback })}
        error={problems.of('fallback')}
        readOnly={readOnly}
      />
      {owner === null && <Whose fields={fields} set={set} problems={problems} readOnly={readOnly} />}
      {!readOnly && (
        <div className={form.foot}>
          <Button type="submit" loading={busy} disabled={!changed}>
            Save
          </Button>
        </div>
      )}
    </form>
  )
}

type Part = Pick<ModelFormProps, 'fields' | 'set' | 'problems'> & { readOnly: boolean }
type AmountName = 'input' | 'output' | 'requests' | 'tokens' | 'retries' | 'temperature' | 'max_output_tokens'

function Amounts({ fields, set, problems, readOnly }: Part) {
  const amount = (name: AmountName, label: string, path: string, how: { placeholder: string; decimal?: boolean; money?: boolean }) => (
    <NumberInput
      label={label}
      placeholder={how.placeholder}
      min={0}
      clampBehavior="none"
      allowDecimal={how.decimal ?? false}
      prefix={how.money ? '$' : undefined}
      thousandSeparator={how.decimal ? undefined : ' '}
      hideControls
      value={fields[name] ?? ''}
      readOnly={readOnly}
      error={problems.of(path)}
      onChange={(number) => set({ [name]: number === '' ? null : Number(number) })}
    />
  )
  return (
    <>
      <fieldset className={form.group}>
        <legend className={form.legend}>Price for a million tokens</legend>
        <div className={form.row}>
          {amount('input', 'In', 'price.input', { placeholder: 'As published', decimal: true, money: true })}
          {amount('output', 'Out', 'price.output', { placeholder: 'As published', decimal: true, money: true })}
        </div>
      </fieldset>
      <fieldset className={form.group}>
        <legend className={form.legend}>At most in a minute</legend>
        <span className={form.hint}>By all workers together. What is over it waits for the next minute; it does not fail.</span>
        <div className={form.row}>
          {amount('requests', 'Requests', 'rate.requests', { placeholder: 'No limit' })}
          {amount('tokens', 'Tokens', 'rate.tokens', { placeholder: 'No limit' })}
        </div>
      </fieldset>
      <fieldset className={form.group}>
        <legend className={form.legend}>One request</legend>
        <div className={form.row}>
          <TextInput label="Time limit" placeholder="2m" value={fields.timeout} readOnly={readOnly} error={problems.of('timeout')} onChange={({ currentTarget }) => set({ timeout: currentTarget.value })} />
          {amount('retries', 'Further tries', 'retries', { placeholder: '2' })}
          {amount('temperature', 'Temperature', 'temperature', { placeholder: "The provider's", decimal: true })}
          {amount('max_output_tokens', 'Longest answer, tokens', 'max_output_tokens', { placeholder: "The provider's" })}
        </div>
      </fieldset>
    </>
  )
}

function Whose({ fields, set, problems, readOnly }: Part) {
  const { data: projects } = useQuery(projectsQuery)
  return (
    <fieldset className={form.group}>
      <legend className={form.legend}>Who may use it</legend>
      <div className={form.row}>
        <MultiSelect label="Projects" placeholder={fields.projects.length ? undefined : 'All'} data={[...new Set([...(projects ?? []), ...fields.projects])]} value={fields.projects} readOnly={readOnly} error={problems.of('projects')} onChange={(chosen) => set({ projects: chosen })} searchable clearable />
        <Select
          label="Put into tasks and agents by"
          data={[
            { value: 'editor', label: 'Editors and owners' },
            { value: 'owner', label: 'Owners only' },
          ]}
          value={fields.least_role ?? 'editor'}
          allowDeselect={false}
          readOnly={readOnly}
          error={problems.of('least_role')}
          onChange={(role) => set({ least_role: role === 'owner' ? 'owner' : null })}
        />
      </div>
    </fieldset>
  )
}
