import { Button, NumberInput, Select, TagsInput, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { FormEvent, ReactNode } from 'react'

import { modelsQuery, toolsQuery } from '@/api/catalogue'
import type { ToolView } from '@/api/generated/schema'
import form from '@/ui/form/Form.module.css'
import type { Problems } from '@/ui/form/problems'
import { IconPlus } from '@/ui/icons'
import type { AgentFields } from './fields'

interface AgentFormProps {
  project: string
  fields: AgentFields
  set: (part: Partial<AgentFields>) => void
  problems: Problems
  readOnly?: boolean
  busy: boolean
  changed: boolean
  submit: () => void
  /** Above the first field. */
  children?: ReactNode
}

/** What makes an agent. */
export function AgentForm({ project, fields, set, problems, readOnly = false, busy, changed, submit, children }: AgentFormProps) {
  const tools = useQuery(toolsQuery(project))
  const choices = toolChoices(tools.data ?? [])
  const send = (event: FormEvent) => {
    event.preventDefault()
    submit()
  }
  return (
    <form onSubmit={send} className={form.sheet}>
      {children}
      <TextInput label="What it is for" placeholder="Reads figures and says what matters" value={fields.description} maxLength={2000} readOnly={readOnly} error={problems.of('description')} onChange={({ currentTarget }) => set({ description: currentTarget.value })} />
      <ModelChoice project={project} value={fields.model} readOnly={readOnly} error={problems.of('model')} onChange={(model) => set({ model })} />
      <Textarea
        label="Instructions"
        description="How it works, in plain words; they stand before every piece of work"
        placeholder="You write for the sales lead: short sentences, figures with units, no advice."
        autosize
        minRows={5}
        maxRows={24}
        value={fields.instructions}
        readOnly={readOnly}
        error={problems.of('instructions')}
        onChange={({ currentTarget }) => set({ instructions: currentTarget.value })}
      />
      <TagsInput label="Tools" description="Names, or patterns such as crm/*; always cut by what the task was granted" placeholder={fields.tools.length ? undefined : 'None'} data={choices} value={fields.tools} readOnly={readOnly} error={problems.of('tools')} onChange={(chosen) => set({ tools: chosen })} maxDropdownHeight={260} />
      <TagsInput label="Ask before" description="Tools that it may call only when a person has approved the call" placeholder={fields.approve_tools.length ? undefined : 'None'} data={choices} value={fields.approve_tools} readOnly={readOnly} error={problems.of('approve_tools')} onChange={(chosen) => set({ approve_tools: chosen })} maxDropdownHeight={260} />
      <Limits fields={fields} set={set} problems={problems} readOnly={readOnly} />
      <Examples fields={fields} set={set} problems={problems} readOnly={readOnly} />
      {!readOnly && (
        <div className={form.foot}>
          <Button type="submit" loading={busy} disabled={!changed}>
            Save
          </Button>
          <Text size="xs" c="dimmed">
            Versions that are published go on with the agent that they keep.
          </Text>
        </div>
      )}
    </form>
  )
}

interface ModelChoiceProps {
  project: string
  value: string | null
  readOnly: boolean
  error: string | undefined
  onChange: (model: string | null) => void
}

function ModelChoice({ project, value, readOnly, error, onChange }: ModelChoiceProps) {
  const { data } = useQuery(modelsQuery(project))
  const names = (data ?? []).map(({ name, provider, provider_name }) => ({ value: name, label: `${name} (${provider}${provider_name ? ` ${provider_name}` : ''})` }))
  const listed = [...names, { value: 'embedded', label: 'embedded (built in, without an account)' }]
  const known = value === null || listed.some((one) => one.value === value)
  return (
    <Select
      label="Model"
      placeholder="The server's default"
      data={known ? listed : [...listed, { value, label: value }]}
      value={value}
      onChange={onChange}
      error={error}
      readOnly={readOnly}
      clearable
      clearButtonProps={{ 'aria-label': "The server's default model" }}
    />
  )
}

type Part = Pick<AgentFormProps, 'fields' | 'set' | 'problems'> & { readOnly: boolean }

function Limits({ fields, set, problems, readOnly }: Part) {
  const amount = (name: 'usd' | 'tokens' | 'requests' | 'tool_calls' | 'max_turns', label: string) => (
    <NumberInput
      label={label}
      placeholder={name === 'max_turns' ? '30' : 'No limit'}
      min={0}
      clampBehavior="none"
      allowDecimal={name === 'usd'}
      prefix={name === 'usd' ? '$' : undefined}
      thousandSeparator={name === 'usd' ? undefined : ' '}
      hideControls
      value={fields[name] ?? ''}
      readOnly={readOnly}
      error={problems.of(name === 'max_turns' ? name : `budget.${name}`)}
      onChange={(number) => set({ [name]: number === '' ? null : Number(number) })}
    />
  )
  return (
    <fieldset className={form.group}>
      <legend className={form.legend}>Limits of one piece of work</legend>
      <div className={form.row} data-narrow>
        {amount('usd', 'Money')}
        {amount('tokens', 'Tokens')}
        {amount('requests', 'Model requests')}
        {amount('tool_calls', 'Tool calls')}
        {amount('max_turns', 'Turns')}
      </div>
      {problems.of('budget') && !['usd', 'tokens', 'requests', 'tool_calls'].some((name) => problems.of(`budget.${name}`)) && (
        <Text size="xs" c="var(--mantine-color-error)">
          {problems.of('budget')}
        </Text>
      )}
    </fieldset>
  )
}

function Examples({ fields, set, problems, readOnly }: Part) {
  const { examples } = fields
  const change = (place: number, part: Partial<AgentFields['examples'][number]>) =>
    set({ examples: examples.map((one, at) => (at === place ? { ...one, ...part } : one)) })
  return (
    <fieldset className={form.group}>
      <legend className={form.legend}>Examples</legend>
      <span className={form.hint}>What it was asked once, and how it should have answered. Shown to the model after the instructions.</span>
      {examples.map((one, place) => (
        <div key={place} className={form.item}>
          <Textarea label={`Asked ${place + 1}`} autosize minRows={1} maxRows={8} required withAsterisk={false} value={one.prompt} readOnly={readOnly} error={problems.of(`examples[${place}].prompt`)} onChange={({ currentTarget }) => change(place, { prompt: currentTarget.value })} />
          <Textarea label={`Answered ${place + 1}`} autosize minRows={1} maxRows={8} required withAsterisk={false} value={one.answer} readOnly={readOnly} error={problems.of(`examples[${place}].answer`)} onChange={({ currentTarget }) => change(place, { answer: currentTarget.value })} />
          {!readOnly && (
            <div>
              <Button size="compact-xs" variant="default" aria-label={`Take out example ${place + 1}`} onClick={() => set({ examples: examples.filter((_, at) => at !== place) })}>
                Take out
              </Button>
            </div>
          )}
        </div>
      ))}
      {!readOnly && (
        <div>
          <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => set({ examples: [...examples, { prompt: '', answer: '' }] })}>
            Add an example
          </Button>
        </div>
      )}
    </fieldset>
  )
}

/** Tools by where they are from, and a pattern for all of a server. */
function toolChoices(tools: readonly ToolView[]) {
  const servers = [...new Set(tools.flatMap(({ server }) => server ?? []))]
  const of = (server: string | null) => tools.filter((one) => one.server === server).map(({ name }) => name)
  return [
    ...servers.map((server) => ({ group: server, items: [`${server}/*`, ...of(server)] })),
    { group: 'Built in', items: of(null) },
  ]
}
