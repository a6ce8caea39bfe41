import { Button, MultiSelect, NumberInput, Select, Switch, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { FormEvent, ReactNode } from 'react'

import { channelsQuery } from '@/api/catalogue'
import { isStatus } from '@/api/client'
import type { DefaultsView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { useEdited } from '@/ui/form/edited'
import { LeaveGuard, Meanwhile } from '@/ui/form/Editing'
import form from '@/ui/form/Form.module.css'
import { FormFailure, type Problems, problemsOf } from '@/ui/form/problems'
import { plural } from '@/ui/format'
import { useMay } from '@/ui/rights'
import { Answered } from '@/ui/states'
import classes from './Alarms.module.css'
import { defaultsQuery, putDefaults } from './queries'
import { bodyOf, type Rules as Fields, rulesOf } from './rules'

const FIELDS = ['failed', 'recovered', 'late', 'silent', 'long', 'budget', 'overdue', 'pause_after_failures', 'channels'] as const

/** What is watched of tasks whose own file says nothing. */
export function Rules({ project }: { project: string }) {
  const query = useQuery(defaultsQuery(project))
  const may = useMay(project)('alarm.edit')
  return <Answered query={query}>{(defaults) => <Form project={project} defaults={defaults} may={may} />}</Answered>
}

function Form({ project, defaults, may }: { project: string; defaults: DefaultsView; may: boolean }) {
  const edited = useEdited(defaults, (one) => rulesOf(one.rules), (one) => one.digest)
  const client = useQueryClient()
  const keep = useChange({
    act: () => putDefaults(project, bodyOf(edited.fields), edited.base.digest),
    stale: ['alarms'],
    said: (now: DefaultsView) => `Saved; ${plural(now.watched ?? 0, 'published task')} ${now.watched === 1 ? 'is' : 'are'} watched now`,
    then: (now) => {
      client.setQueryData(defaultsQuery(project).queryKey, now)
      edited.restart(now)
    },
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    keep.mutate()
  }
  const reload = () => {
    keep.reset()
    void client.fetchQuery({ ...defaultsQuery(project), staleTime: 0 }).then(edited.restart)
  }
  const problems = problemsOf(keep.error)
  return (
    <form onSubmit={submit} className={form.sheet} style={{ maxWidth: 860 }}>
      <span className={form.hint}>
        Holds for every published task whose own file says nothing else under <code>alarms:</code>. Durations are written like 10m, 2h or 1d.
      </span>
      <Meanwhile behind={edited.behind} error={keep.error} reload={reload} />
      {!isStatus(keep.error, 412) && <FormFailure problems={problems} fields={FIELDS} />}
      <RunRules fields={edited.fields} set={edited.set} problems={problems} readOnly={!may} />
      <TimeRules fields={edited.fields} set={edited.set} problems={problems} readOnly={!may} />
      <Told project={project} fields={edited.fields} set={edited.set} problems={problems} readOnly={!may} />
      {may && (
        <div className={form.foot}>
          <Button type="submit" loading={keep.isPending} disabled={!edited.changed}>
            Save
          </Button>
        </div>
      )}
      <LeaveGuard changed={edited.changed} />
    </form>
  )
}

interface Part {
  fields: Fields
  set: (part: Partial<Fields>) => void
  problems: Problems
  readOnly: boolean
}

function Rule({ title, about, children }: { title: string; about: string; children: ReactNode }) {
  return (
    <section className={classes.rule} aria-label={title}>
      <div>
        <h2>{title}</h2>
        <p>{about}</p>
      </div>
      <div className={classes.fields}>{children}</div>
    </section>
  )
}

function RunRules({ fields, set, problems, readOnly }: Part) {
  return (
    <>
      <Rule title="A run fails" about="Or times out. Over when a run succeeds.">
        <Select
          aria-label="When a run fails"
          data={[
            { value: 'episode', label: 'Tell it once until it succeeds' },
            { value: 'each', label: 'Tell of every such run' },
            { value: 'never', label: 'Not watched' },
          ]}
          value={fields.failed}
          allowDeselect={false}
          readOnly={readOnly}
          error={problems.of('failed')}
          onChange={(failed) => set({ failed: failed as Fields['failed'] })}
          w={260}
        />
        <Switch label="Tell when it succeeds again" checked={fields.recovered} disabled={readOnly} onChange={({ currentTarget: { checked } }) => set({ recovered: checked })} mt={8} />
      </Rule>
      <Rule title="Too many failures in a row" about="Its triggers are switched off, with a note. A person can still run it.">
        <NumberInput aria-label="Failures in a row" placeholder="Never" suffix=" failures" min={0} clampBehavior="none" allowDecimal={false} hideControls value={fields.pauseAfter ?? ''} readOnly={readOnly} error={problems.of('pause_after_failures')} onChange={(number) => set({ pauseAfter: number === '' ? null : Number(number) })} w={150} />
      </Rule>
      <Rule title="A run takes long" about="Running time; waiting does not count. What is reached first counts.">
        <TextInput label="Longer than" placeholder="Not watched" value={fields.longAfter} readOnly={readOnly} error={problems.of('long.after') ?? (problems.of('long.times_p95') ? undefined : problems.of('long'))} onChange={({ currentTarget }) => set({ longAfter: currentTarget.value })} w={150} />
        <NumberInput label="Times as long as 95 %" placeholder="Not watched" suffix=" times" min={0} clampBehavior="none" hideControls value={fields.longTimes ?? ''} readOnly={readOnly} error={problems.of('long.times_p95')} onChange={(number) => set({ longTimes: number === '' ? null : Number(number) })} w={180} />
      </Rule>
    </>
  )
}

function TimeRules({ fields, set, problems, readOnly }: Part) {
  const bound = (name: 'late' | 'silent' | 'overdue', label: string) => (
    <TextInput aria-label={label} placeholder="Not watched" value={fields[name]} readOnly={readOnly} error={problems.of(name)} onChange={({ currentTarget }) => set({ [name]: currentTarget.value })} w={150} />
  )
  return (
    <>
      <Rule title="Nothing has started" about="This long after a planned time.">
        {bound('late', 'Started this late')}
      </Rule>
      <Rule title="Nothing has succeeded" about="For this long. A paused task is not silent.">
        {bound('silent', 'Silent for')}
      </Rule>
      <Rule title="A question waits" about="A run has asked, and nobody has answered for this long.">
        {bound('overdue', 'Unanswered for')}
      </Rule>
      <Rule title="A budget is used up" about="The run waits for somebody.">
        <Select
          aria-label="When a budget is used up"
          data={[
            { value: 'as failed', label: 'Where failures are watched' },
            { value: 'yes', label: 'Tell it' },
            { value: 'no', label: 'Not watched' },
          ]}
          value={fields.budget}
          allowDeselect={false}
          readOnly={readOnly}
          error={problems.of('budget')}
          onChange={(budget) => set({ budget: budget as Fields['budget'] })}
          w={260}
        />
      </Rule>
    </>
  )
}

function Told({ project, fields, set, problems, readOnly }: Part & { project: string }) {
  const { data: channels } = useQuery(channelsQuery(project))
  return (
    <Rule title="Who is told" about="Without a name: each channel that takes alarms of the kind.">
      <MultiSelect aria-label="Channels that are told" placeholder={fields.channels.length ? undefined : 'Each that takes the kind'} data={[...new Set([...(channels ?? []).map(({ name }) => name), ...fields.channels])]} value={fields.channels} readOnly={readOnly} error={problems.of('channels')} onChange={(chosen) => set({ channels: chosen })} w={320} />
    </Rule>
  )
}
