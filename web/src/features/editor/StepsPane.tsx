import { ActionIcon, Button, CloseButton, Group, Menu, Text } from '@mantine/core'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'

import type { Problem, StepView } from '@/api/generated/schema'
import { plural } from '@/ui/format'
import { IconAlertTriangle, IconGripVertical, IconPlus, IconTrash } from '@/ui/icons'
import { isOutcome, OutcomeIcon } from '@/ui/outcomes'
import { type FilePath, type OutlineBlock, outlineOf, type OutlineStep } from '@/ui/steps/outline'
import { STEP_ICONS } from '@/ui/steps/StepOutline'
import { Ticked } from '@/ui/Ticked'
import { asPath, freeId, withMoved, withMovedTo, withoutStep, withStep } from './definition'
import { type Drag, useDrag } from './drag'
import classes from './Editor.module.css'
import { type AddableKind, KINDS } from './kinds'
import { useKnown } from './known'
import { scopeAt } from './scope'
import { StepForm } from './StepForm'
import { TaskForm } from './TaskForm'

interface StepsPaneProps {
  project: string
  /** Name of the task; empty while the file gives none. */
  task: string
  /** The task is not there yet. */
  fresh: boolean
  text: string
  problems: readonly Problem[]
  /** Of the last dry run, by the id of the step. */
  values: ReadonlyMap<string, StepView>
  onChange: (text: string) => void
  onRunTo: (step: { path: FilePath; name: string }) => void
}

/** The steps as a tree that is edited: choose one for its form; move with Alt and the arrows. */
export function StepsPane({ project, task, fresh, text, problems, values, onChange, onRunTo }: StepsPaneProps) {
  const [chosen, setChosen] = useState<string | null>(null)
  const known = useKnown(project, task, values)
  // Where the focus goes once a step stands in another place: the keys go on with it.
  const next = useRef<string | null>(null)
  useEffect(() => {
    if (next.current !== null) document.getElementById(`edit-${next.current}`)?.focus()
    next.current = null
  })
  const choose = (path: FilePath) => {
    next.current = asPath(path)
    setChosen(next.current)
  }
  const drag = useDrag((from, block, index) => {
    const moved = withMovedTo(text, from, block, index)
    if (moved === text) return
    onChange(moved)
    setChosen(null)
  })
  const outline = outlineOf(text)
  const blocks: OutlineBlock[] = [
    { label: '', path: ['steps'], steps: outline.steps },
    { label: 'on error', path: ['on_error'], steps: outline.onError },
    { label: 'finally', path: ['finally'], steps: outline.finally },
  ]
  const all = flattened(blocks)
  const step = all.find(({ path }) => asPath(path) === chosen)
  const taken = new Set(all.flatMap(({ id }) => id ?? []))
  const add = ({ key, begin, kind }: AddableKind) => {
    const id = freeId(kind === 'tool' ? String(begin.tool) : kind, taken)
    onChange(withStep(text, step?.path ?? null, ['if', 'switch', 'wait', 'notify', 'finish', 'parallel'].includes(key) ? begin : { id, ...begin }))
    choose(step ? [...step.path.slice(0, -1), Number(step.path.at(-1)) + 1] : ['steps', outline.steps.length])
  }
  const move = (by: -1 | 1) => {
    if (!step) return
    const moved = withMoved(text, step.path, by)
    if (moved === text) return
    onChange(moved)
    choose([...step.path.slice(0, -1), Number(step.path.at(-1)) + by])
  }
  const remove = () => {
    if (!step) return
    onChange(withoutStep(text, step.path))
    // The keys go on from the step before it, or from what has come into its place.
    next.current = asPath(all[all.indexOf(step) - 1]?.path ?? step.path)
    setChosen(null)
  }
  const keys = (event: KeyboardEvent) => {
    if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault()
      move(event.key === 'ArrowUp' ? -1 : 1)
    } else if (!event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      const place = all.findIndex(({ path }) => asPath(path) === chosen) + (event.key === 'ArrowDown' ? 1 : -1)
      const neighbour = all[Math.max(0, place)]
      if (neighbour) {
        event.preventDefault()
        choose(neighbour.path)
      }
    }
  }
  if (outline.problem) return <Text size="sm">The file cannot be read as YAML yet: {outline.problem.split('\n', 1)[0]} Mend it under YAML.</Text>
  return (
    <div className={classes.columns}>
      <div>
        <div className={classes.tree} onKeyDown={keys} role="group" aria-label="Steps">
          {blocks.map((block) => block.steps.length > 0 && <Block key={block.label} block={block} chosen={chosen} problems={problems} values={values} drag={drag} onChoose={setChosen} />)}
          {all.length === 0 && <Text size="sm" c="dimmed">No step yet.</Text>}
        </div>
        <Group gap="xs" mt="xs">
          <AddMenu after={step?.id ?? null} onAdd={add} />
          <Text size="xs" c="dimmed" className={classes.keys}>
            Arrows choose, Alt + arrows move, or drag
          </Text>
        </Group>
      </div>
      {!step && (
        <section className={classes.form} aria-label="The task">
          <Text fw={600} mb="sm">
            The task
          </Text>
          <TaskForm text={text} problems={problems} fresh={fresh} onChange={onChange} />
        </section>
      )}
      {step && (
        <section className={classes.form} aria-label={`Fields of ${step.id ?? step.kind}`}>
          <Group mb="sm">
            <Text fw={600}>{step.id ?? step.kind}</Text>
            <Text size="sm" c="dimmed">
              {step.kind}
            </Text>
            <Button ms="auto" size="compact-sm" variant="default" onClick={() => onRunTo({ path: step.path, name: step.id ?? step.kind })}>
              Run to here
            </Button>
            <ActionIcon variant="subtle" color="red" aria-label="Remove this step" onClick={remove}>
              <IconTrash size={16} />
            </ActionIcon>
            <CloseButton size="sm" aria-label="Close the step" onClick={() => setChosen(null)} />
          </Group>
          <Own problems={problems} path={asPath(step.path)} />
          <StepForm key={asPath(step.path)} project={project} text={text} step={step} problems={problems} names={scopeAt(text, step.path, known)} onChange={onChange} />
        </section>
      )}
    </div>
  )
}

/** Findings about the step as a whole. */
function Own({ problems, path }: { problems: readonly Problem[]; path: string }) {
  return problems
    .filter((one) => one.path === path)
    .map((one) => (
      <Text key={one.message} size="sm" c="var(--mantine-color-error)" mb="xs">
        <Ticked text={one.message} /> {one.hint}
      </Text>
    ))
}

interface BlockProps {
  block: OutlineBlock
  chosen: string | null
  problems: readonly Problem[]
  values: ReadonlyMap<string, StepView>
  drag: Drag
  onChoose: (path: string) => void
}

function Block({ block, ...shared }: BlockProps) {
  return (
    <div className={block.label ? classes.block : undefined}>
      {block.label && <span className={classes.blockLabel}>{block.label}</span>}
      {block.steps.map((step) => (
        <Item key={asPath(step.path)} step={step} {...shared} />
      ))}
    </div>
  )
}

function Item({ step, chosen, problems, values, drag, onChoose }: { step: OutlineStep } & Omit<BlockProps, 'block'>) {
  const path = asPath(step.path)
  const Icon = STEP_ICONS[step.kind]
  const wrong = problems.filter((one) => one.path === path || (one.path.startsWith(`${path}.`) && !step.blocks.some((block) => one.path.startsWith(asPath(block.path)))))
  const came = step.id ? values.get(step.id) : undefined
  return (
    <>
      <button type="button" id={`edit-${path}`} className={classes.step} aria-pressed={path === chosen} data-drop={drag.dropAt(step.path)} {...drag.handlers(step.path)} onClick={() => onChoose(path)}>
        <span className={classes.grip} aria-hidden>
          <IconGripVertical size={13} />
        </span>
        <Icon size={15} aria-hidden />
        <span className={classes.kind}>{step.kind}</span>
        {step.id && <code className={classes.id}>{step.id}</code>}
        <span className={classes.summary}>{step.summary}</span>
        {came && isOutcome(came.status) && (
          <span className={classes.value}>
            <OutcomeIcon status={came.status} size={13} /> {JSON.stringify(came.error?.message ?? came.output)?.slice(0, 60)}
          </span>
        )}
        {wrong.length > 0 && (
          <span className={classes.wrong} title={wrong.map((one) => one.message).join('\n')}>
            <IconAlertTriangle size={14} aria-label={plural(wrong.length, 'problem')} />
          </span>
        )}
      </button>
      {step.blocks.map((block) => (
        <Block key={block.label} block={block} chosen={chosen} problems={problems} values={values} drag={drag} onChoose={onChoose} />
      ))}
    </>
  )
}

function AddMenu({ after, onAdd }: { after: string | null; onAdd: (kind: AddableKind) => void }) {
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />}>
          {after ? `Add a step after ${after}` : 'Add a step'}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {KINDS.map((one) => {
          const Icon = STEP_ICONS[one.kind]
          return (
            <Menu.Item key={one.key} leftSection={<Icon size={15} aria-hidden />} onClick={() => onAdd(one)}>
              {one.about}
            </Menu.Item>
          )
        })}
      </Menu.Dropdown>
    </Menu>
  )
}

function flattened(blocks: readonly OutlineBlock[]): OutlineStep[] {
  return blocks.flatMap(({ steps }) => steps.flatMap((step) => [step, ...flattened(step.blocks)]))
}
