import { Button, Group, SegmentedControl, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { parse } from 'yaml'

import { Refusal } from '@/api/client'
import type { JsonValue, Problem } from '@/api/generated/schema'
import { type FieldSchema, fieldsOf, type Values } from '@/ui/form/schema'
import { SchemaForm } from '@/ui/form/SchemaForm'
import { IconCheck, IconListDetails, IconRobot } from '@/ui/icons'
import { Source } from '@/ui/Source'
import { StepOutline } from '@/ui/steps/StepOutline'
import { person } from '@/ui/triggers'
import { useDesk } from '../desk'
import type { Card } from '../parts'
import { rehearse, validate } from '../queries'
import { Refused } from '../Refused'
import { CardFrame } from './CardFrame'
import classes from './Cards.module.css'
import { ClickRefused, Dismiss, Idle } from './Clicks'
import { DiffText } from './DiffText'
import { Firings, type FiringsData } from './Firings'
import { Rehearsal } from './Rehearsal'
import { type Decision, resultOf, useDecision } from './useDecision'

type Finding = Pick<Problem, 'line' | 'path' | 'message' | 'hint' | 'severity'>

const CHANGES: Record<string, string> = { created: 'new', changed: 'changed', unchanged: 'as it is saved' }

/** A task or an agent as it would be stored: looked at from three sides, tried, and stored by a click. */
export function DraftCard({ card }: { card: Card }) {
  const decision = useDecision(card)
  const { data, kind } = card
  const name = String(data.name)
  const triggers = Array.isArray(data.triggers) ? (data.triggers as Record<string, JsonValue>[]) : []
  return (
    <CardFrame
      label={kind === 'task' ? 'Task draft' : 'Agent draft'}
      title={name}
      Icon={kind === 'task' ? IconListDetails : IconRobot}
      standing={decision.standing?.state === 'done' ? <Stored decision={decision} /> : (CHANGES[String(data.change)] ?? '')}
      actions={<Actions card={card} name={name} decision={decision} />}
    >
      {typeof data.message === 'string' && data.message && (
        <Text size="sm" c="dimmed">
          {data.message}
        </Text>
      )}
      <Views card={card} />
      {triggers.map((trigger) => (
        <Trigger key={String(trigger.id)} trigger={trigger} />
      ))}
      <Findings found={(data.problems ?? []) as unknown as Finding[]} />
      {typeof data.rehearsal === 'object' && data.rehearsal !== null && <Rehearsal data={data.rehearsal as Record<string, JsonValue>} />}
      <ClickRefused decision={decision} />
      <Idle decision={decision} />
    </CardFrame>
  )
}

function Stored({ decision }: { decision: Decision }) {
  const version = resultOf(decision.standing, 'version')
  const published = decision.standing?.action === 'publish'
  return (
    <>
      <IconCheck size={14} aria-hidden />
      {published ? 'Published' : 'Saved'}
      {typeof version === 'number' && ` as v${version}`}
      {decision.standing?.by && ` by ${person(decision.standing.by)}`}
    </>
  )
}

type View = 'steps' | 'diff' | 'file'

function Views({ card: { data, kind } }: { card: Card }) {
  const changed = data.change === 'changed' && typeof data.diff === 'string' && data.diff !== ''
  const [view, setView] = useState<View>(changed ? 'diff' : kind === 'task' ? 'steps' : 'file')
  const source = String(data.source)
  const views = [
    ...(kind === 'task' ? [{ value: 'steps', label: 'Steps' }] : []),
    ...(changed ? [{ value: 'diff', label: 'What changes' }] : []),
    { value: 'file', label: 'YAML' },
  ]
  return (
    <>
      {views.length > 1 && (
        <SegmentedControl size="xs" className={classes.views} aria-label="View of the draft" value={view} onChange={(chosen) => setView(chosen as View)} data={views} />
      )}
      <div className={classes.view}>
        {view === 'steps' && <StepOutline source={source} />}
        {view === 'diff' && <DiffText diff={String(data.diff)} label="Difference to what is saved" />}
        {view === 'file' && <Source text={source} label="File of the draft" numbered />}
      </div>
    </>
  )
}

function Trigger({ trigger }: { trigger: Record<string, JsonValue> }) {
  return (
    <section className={classes.trigger} aria-label={`Trigger ${String(trigger.id)}`}>
      <Text size="xs" c="dimmed">
        Trigger <code>{String(trigger.id)}</code> · {String(trigger.kind).replaceAll('_', ' ')} · counts from publishing on
      </Text>
      {typeof trigger.sentence === 'string' && <Firings data={trigger as unknown as FiringsData} />}
      {typeof trigger.problem === 'string' && <Text size="sm">{trigger.problem}</Text>}
    </section>
  )
}

function Findings({ found }: { found: readonly Finding[] }) {
  if (found.length === 0) return null
  return (
    <ul className={classes.problems} aria-label="Findings">
      {found.map((one) => (
        <li key={`${one.line} ${one.path} ${one.message}`} data-severity={one.severity}>
          line {one.line}: {one.message} {one.hint && <span className={classes.dim}>{one.hint}</span>}
        </li>
      ))}
    </ul>
  )
}

function Actions({ card, name, decision }: { card: Card; name: string; decision: Decision }) {
  const { project } = useDesk()
  const { kind, data } = card
  const source = String(data.source)
  const [trying, setTrying] = useState(false)
  const check = useMutation({ mutationFn: () => validate(project, `${kind}s/${name}.yaml`, source) })
  const { click, may } = decision
  return (
    <div className={classes.acts}>
      {check.data && (check.data.length === 0 ? <Sound /> : <Findings found={check.data} />)}
      {check.error && <Refused error={check.error} what="It could not be checked" />}
      {trying && <DryRun project={project} name={name} source={source} close={() => setTrying(false)} />}
      <Group gap="xs">
        <Button size="compact-md" variant="default" loading={check.isPending} onClick={() => check.mutate()}>
          Validate
        </Button>
        {kind === 'task' && (
          <Button size="compact-md" variant="default" aria-expanded={trying} onClick={() => setTrying(!trying)}>
            Dry run
          </Button>
        )}
        {may && (
          <>
            {kind === 'task' && (
              <Button size="compact-md" variant="default" loading={decision.doing('save')} disabled={click.isPending} onClick={() => click.mutate({ action: 'save' })}>
                Save
              </Button>
            )}
            <Button
              size="compact-md"
              loading={decision.doing(kind === 'task' ? 'publish' : 'save')}
              disabled={click.isPending}
              onClick={() => click.mutate({ action: kind === 'task' ? 'publish' : 'save' })}
            >
              {kind === 'task' ? 'Publish' : 'Save'}
            </Button>
            <Dismiss decision={decision} />
          </>
        )}
        {kind === 'task' && decision.standing?.state === 'done' && <Onward project={project} task={name} published={decision.standing.action === 'publish'} />}
      </Group>
    </div>
  )
}

function Sound() {
  return (
    <Text size="sm" className={classes.line} role="status">
      <IconCheck size={15} aria-hidden /> No problem found.
    </Text>
  )
}

/** Where the stored task is looked at, edited and run. */
function Onward({ project, task, published }: { project: string; task: string; published: boolean }) {
  return (
    <span className={classes.onward}>
      <Link to="/p/$project/tasks/$task" params={{ project, task }}>
        Open the task
      </Link>
      <Link to="/p/$project/tasks/$task/edit" params={{ project, task }}>
        Edit
      </Link>
      {published && (
        <Link to="/p/$project/tasks/$task/run" params={{ project, task }}>
          Run
        </Link>
      )}
    </span>
  )
}

/** Rehearses the draft as it is shown, with arguments where it takes some. */
function DryRun({ project, name, source, close }: { project: string; name: string; source: string; close: () => void }) {
  const schema = paramsOf(source)
  const [values, setValues] = useState<Values>({})
  const attempt = useMutation({ mutationFn: () => rehearse(project, name, source, values) })
  const errors = attempt.error instanceof Refusal ? attempt.error.byPath : {}
  return (
    <section className={classes.dryRun} aria-label={`Dry run of ${name}`}>
      {schema && fieldsOf(schema).length > 0 && <SchemaForm schema={schema} values={values} onChange={setValues} errors={errors} disabled={attempt.isPending} />}
      <Group gap="xs">
        <Button size="compact-md" loading={attempt.isPending} onClick={() => attempt.mutate()}>
          Try it
        </Button>
        <Button size="compact-md" variant="subtle" color="gray" onClick={close}>
          Close
        </Button>
        <Text size="xs" c="dimmed">
          Decisions and transforms are really computed; what would touch the outside is made up.
        </Text>
      </Group>
      {attempt.error && <Refused error={attempt.error} what="It could not begin" />}
      {attempt.data && (
        <Rehearsal
          data={{
            status: attempt.data.status,
            output: attempt.data.output,
            error: attempt.data.error as unknown as JsonValue,
            steps: attempt.data.steps.map((step) => ({ step: step.path, kind: step.kind, status: step.status, output: step.output })),
          }}
        />
      )}
    </section>
  )
}

/** The form of the draft's own params. */
function paramsOf(text: string): FieldSchema | null {
  try {
    const params = (parse(text) as { params?: Record<string, FieldSchema> } | null)?.params
    if (!params) return null
    const required = Object.entries(params).flatMap(([param, field]) => ('default' in field || 'from' in field ? [] : [param]))
    return { properties: params, required }
  } catch {
    return null
  }
}
