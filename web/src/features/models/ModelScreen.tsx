import { Button, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { isStatus } from '@/api/client'
import type { ModelView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { LeaveGuard, Meanwhile } from '@/ui/form/Editing'
import form from '@/ui/form/Form.module.css'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { useSaving } from '@/ui/form/saving'
import { Only } from '@/ui/Only'
import { Removal } from '@/ui/Removal'
import { useIsAdmin, useMay } from '@/ui/rights'
import { Screen, Section } from '@/ui/Screen'
import { Source } from '@/ui/Source'
import { Answered } from '@/ui/states'
import { bodyOf, FIELDS, fieldsOf, NEW_MODEL, whoseOf } from './fields'
import { ModelForm } from './ModelForm'
import { modelQuery, type Owner, putModel, removeModel } from './queries'
import { Tried, useTry } from './Try'

const route = getRouteApi('/inside/p/$project/models/$model')
const newRoute = getRouteApi('/inside/p/$project/new-model')

/** One model: where it answers, its key by name, price, rate, fallbacks, and who may use it. */
export function ModelScreen() {
  const { project, model: name } = route.useParams()
  const { of } = route.useSearch()
  const admin = useIsAdmin()
  const mayHere = useMay(project)('model.edit')
  // Whoever is no administrator sees a model of the server as their project does.
  const owner: Owner = of === 'server' && admin ? null : project
  const query = useQuery(modelQuery(owner, name))
  const may = owner === null ? admin : mayHere && query.data?.shared === false
  return (
    <Screen title={name} actions={query.data && may && <Actions project={project} owner={owner} name={name} />}>
      <Answered query={query}>
        {(model) => <Edit key={`${owner} ${model.name}`} project={project} owner={owner} model={model} may={may} mayTry={owner === null || mayHere} />}
      </Answered>
    </Screen>
  )
}

function Actions({ project, owner, name }: { project: string; owner: Owner; name: string }) {
  const navigate = useNavigate()
  return (
    <Removal
      label="Delete"
      size="sm"
      title={`Delete the model ${name}?`}
      remove={() => removeModel(owner, name)}
      said={`The model ${name} is deleted`}
      stale={['models']}
      then={() => void navigate({ to: '/p/$project/models', params: { project }, ignoreBlocker: true })}
    >
      {owner === null ? 'It is gone for all projects. ' : ''}Steps and agents that name it fail from now on; its key stays among the secrets.
    </Removal>
  )
}

interface EditProps {
  project: string
  owner: Owner
  model: ModelView
  may: boolean
  mayTry: boolean
}

function Edit({ project, owner, model, may, mayTry }: EditProps) {
  const { edited, save, reload, problems } = useSaving({
    stored: model,
    fieldsOf,
    mark: (one) => `${one.digest} ${one.updated_at}`,
    query: modelQuery(owner, model.name),
    put: ({ fields, base }) => putModel(owner, model.name, bodyOf(fields), whoseOf(fields), base.digest),
    stale: ['models'],
    said: () => 'Saved; the next request takes it',
  })
  const trial = useTry(owner, model.name)
  return (
    <div className={form.columns}>
      <div className={form.main}>
        <Meanwhile behind={edited.behind} error={save.error} reload={reload} />
        {!isStatus(save.error, 412) && <FormFailure problems={problems} fields={FIELDS} />}
        <ModelForm project={project} owner={model.shared ? null : owner} own={model.name} fields={edited.fields} set={edited.set} problems={problems} readOnly={!may} busy={save.isPending} changed={edited.changed} submit={() => save.mutate()} />
      </div>
      <aside className={form.aside}>
        {mayTry && (
          <Section title="Does it work?">
            <span className={form.hint}>Sends a tiny real request with the saved key{edited.changed ? '; what you changed here is not saved yet' : ''}.</span>
            <div>
              <Button variant="default" loading={trial.isPending} onClick={() => trial.mutate()}>
                Test it
              </Button>
            </div>
            {trial.data && <Tried name={model.name} tried={trial.data} />}
          </Section>
        )}
        <Section title="File">
          <Source text={model.source.trimEnd()} label={`The file of ${model.name}`} />
        </Section>
      </aside>
      <LeaveGuard changed={edited.changed} />
    </div>
  )
}

/** A new model, of the project or of the server. */
export function NewModelScreen() {
  const { project } = newRoute.useParams()
  const { of } = newRoute.useSearch()
  const owner: Owner = of === 'server' ? null : project
  const [name, setName] = useState('')
  const [fields, setFields] = useState(NEW_MODEL)
  const navigate = useNavigate()
  const client = useQueryClient()
  const keep = useChange({
    act: () => putModel(owner, name, bodyOf(fields), whoseOf(fields), null),
    stale: ['models'],
    said: () => `The model ${name} is there; test it before agents use it`,
    then: (now: ModelView) => {
      client.setQueryData(modelQuery(owner, name).queryKey, now)
      void navigate({ to: '/p/$project/models/$model', params: { project, model: name }, search: { of }, ignoreBlocker: true })
    },
    inForm: true,
  })
  const problems = problemsOf(keep.error)
  const changed = name !== '' || JSON.stringify(fields) !== JSON.stringify(NEW_MODEL)
  const taken = isStatus(keep.error, 412) ? 'There is a model of this name already; choose another.' : undefined
  return (
    <Screen title={owner === null ? 'New model of the server' : 'New model'}>
      <Only project={project} right={owner === null ? null : 'model.edit'}>
        <div className={form.columns}>
          <div className={form.main}>
            {!taken && <FormFailure problems={problems} fields={FIELDS} />}
            <ModelForm project={project} owner={owner} own={name} fields={fields} set={(part) => setFields({ ...fields, ...part })} problems={problems} busy={keep.isPending} changed={changed} submit={() => keep.mutate()}>
              <TextInput label="Name" description="Agents and steps name it so" placeholder="fast" required withAsterisk={false} value={name} error={taken ?? problems.of('model')} onChange={({ currentTarget }) => setName(currentTarget.value)} />
            </ModelForm>
          </div>
        </div>
      </Only>
      <LeaveGuard changed={changed && !keep.isSuccess} />
    </Screen>
  )
}
