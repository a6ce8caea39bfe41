import { Badge, Button, Group, SegmentedControl, Text } from '@mantine/core'
import { useDebouncedValue, useDisclosure, useHotkeys } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useBlocker, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { parse } from 'yaml'

import type { Draft } from '@/api/drafts'
import type { Problem, StepView } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { plural } from '@/ui/format'
import { Backtest } from '@/ui/Backtest'
import { Confirm } from '@/ui/Confirm'
import { Moment } from '@/ui/moments'
import { Screen } from '@/ui/Screen'
import { Answered, Loading } from '@/ui/states'
import type { FilePath } from '@/ui/steps/outline'
import { Ticked } from '@/ui/Ticked'
import { useDraft } from './draft'
import { DryRun } from './DryRun'
import classes from './Editor.module.css'
import { Meanwhile } from './Meanwhile'
import { PublishDialog } from './PublishDialog'
import { fileSchemaQuery, NEW_TASK, newestQuery, problemsQuery } from './queries'
import { StepsPane } from './StepsPane'

const YamlPane = lazy(() => import('./YamlPane'))
const editing = getRouteApi('/inside/p/$project/tasks/$task/edit')
const creating = getRouteApi('/inside/p/$project/new-task')

/** The editor of a task: its steps and its file, two views of one draft. */
export function EditorScreen() {
  const { project, task } = editing.useParams()
  const query = useQuery(newestQuery(project, task))
  if (query.data) return <Editor key={`${project} ${task}`} project={project} task={task} stored={query.data} />
  return (
    <Screen title={`Edit ${task}`}>
      <Answered query={query} rows={10}>
        {() => null}
      </Answered>
    </Screen>
  )
}

/** The same for a task that is not there yet. */
export function NewTaskScreen() {
  const { project } = creating.useParams()
  return <Editor project={project} task="" stored={{ text: NEW_TASK, base: null }} />
}

interface EditorProps {
  project: string
  /** Empty for a new task: its name stands in the file. */
  task: string
  stored: Draft
}

type Until = { path: FilePath; name: string } | null
const NOTHING: readonly Problem[] = []

function Editor({ project, task, stored }: EditorProps) {
  const { draft, changed, keptAt, write, change, undo, canUndo, reset } = useDraft(project, task, stored)
  const [pane, setPane] = useState<'steps' | 'yaml'>('steps')
  const [values, setValues] = useState<ReadonlyMap<string, StepView>>(new Map())
  const [publishing, publish] = useDisclosure(false)
  const [discarding, discard] = useDisclosure(false)
  const [trying, setTrying] = useState<{ until: Until } | null>(null)
  const [backtesting, setBacktesting] = useState(false)
  const [checkedText] = useDebouncedValue(draft.text, 400)
  const name = task || nameIn(draft.text)
  const check = useQuery({ ...problemsQuery(project, name || 'task', checkedText), placeholderData: (before) => before })
  const schema = useQuery(fileSchemaQuery)
  const { data: own } = useQuery(projectQuery(project))
  const problems = check.data ?? NOTHING
  const errors = problems.filter((one) => one.severity !== 'warning')
  const client = useQueryClient()
  const navigate = useNavigate()
  useHotkeys([['mod+Z', () => pane === 'steps' && undo()]])
  // The draft stays in this browser, so leaving loses nothing; only a form field that is being typed in must be left first.
  useBlocker({ shouldBlockFn: () => ((document.activeElement as HTMLElement | null)?.blur?.(), false), enableBeforeUnload: false })
  const storedNow = async () => {
    publish.close()
    reset({ text: draft.text, base: null })
    await client.invalidateQueries({ predicate: ({ queryKey }) => ['editing', 'tasks', 'triggers'].includes(String(queryKey[0])) })
    void navigate({ to: '/p/$project/tasks/$task', params: { project, task: name } })
  }
  return (
    <Screen
      title={task ? `Edit ${task}` : 'New task'}
      beside={<Standing draft={draft} fresh={!task} changed={changed} keptAt={keptAt} problems={problems.length} />}
      actions={
        <>
          {changed && (
            <Button variant="subtle" color="gray" onClick={discard.open}>
              Throw away …
            </Button>
          )}
          <Button variant="default" disabled={!canUndo} onClick={undo}>
            Undo
          </Button>
          <Button variant="default" onClick={() => setTrying({ until: null })}>
            Dry run
          </Button>
          {task && (
            <Button variant="default" disabled={errors.length > 0} onClick={() => setBacktesting(true)}>
              Backtest
            </Button>
          )}
          {own?.rights.includes('task.edit') && (
            <Button disabled={!changed || errors.length > 0 || !name} onClick={publish.open}>
              Save …
            </Button>
          )}
        </>
      }
    >
      <Group>
        <SegmentedControl
          size="xs"
          aria-label="View"
          value={pane}
          onChange={(chosen) => setPane(chosen as 'steps' | 'yaml')}
          data={[
            { value: 'steps', label: 'Steps' },
            { value: 'yaml', label: 'YAML' },
          ]}
        />
      </Group>
      {task && <Meanwhile project={project} task={task} draft={draft} onTakeOver={(base) => reset({ text: draft.text, base })} />}
      {pane === 'steps' ? (
        <StepsPane project={project} task={task} fresh={!task} text={draft.text} problems={problems} values={values} onChange={change} onRunTo={(until) => setTrying({ until })} />
      ) : (
        <Answered query={schema} rows={12}>
          {(known) => (
            <Suspense fallback={<Loading rows={12} />}>
              <YamlPane text={draft.text} schema={known} problems={problems} onChange={write} />
            </Suspense>
          )}
        </Answered>
      )}
      <Problems problems={problems} />
      {trying && <DryRun project={project} name={name} fresh={!task} text={draft.text} until={trying.until} close={() => setTrying(null)} onValues={setValues} />}
      {discarding && (
        <Confirm title="Throw this draft away?" act="Throw it away" onConfirm={async () => reset(stored)} close={discard.close}>
          What you have written here is gone then, and cannot be brought back. {task ? 'The versions that are saved stay as they are.' : 'Nothing of it was saved yet.'}
        </Confirm>
      )}
      {backtesting && (
        <Backtest project={project} tried={{ file: { name: `tasks/${name}.yaml`, source: draft.text } }} title="Backtest of the draft" close={() => setBacktesting(false)} />
      )}
      {publishing && (
        <PublishDialog
          project={project}
          task={name}
          draft={draft}
          before={task ? stored.text : ''}
          close={publish.close}
          onStored={storedNow}
          onTakeOver={(base) => reset({ text: draft.text, base })}
        />
      )}
    </Screen>
  )
}

function Standing({ draft, fresh, changed, keptAt, problems }: { draft: Draft; fresh: boolean; changed: boolean; keptAt: number | null; problems: number }) {
  return (
    <>
      {draft.base && (
        <Badge variant="light" color="gray" tt="none">
          from v{draft.base.version}
        </Badge>
      )}
      <Text size="sm" c="dimmed" role="status">
        {changed ? keptAt ? <>draft saved <Moment at={new Date(keptAt).toISOString()} /></> : 'changed' : fresh ? 'nothing saved yet' : 'no changes'}
        {problems > 0 && ` · ${plural(problems, 'problem')}`}
      </Text>
    </>
  )
}

function Problems({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null
  return (
    <section aria-label="Problems">
      <ul className={classes.problems}>
        {problems.map((one) => (
          <li key={`${one.line} ${one.column} ${one.message}`}>
            <span className={classes.place}>
              line {one.line}, column {one.column}
            </span>
            <span>
              <Text span size="sm" c={one.severity === 'warning' ? 'var(--outcome-timed_out)' : 'var(--mantine-color-error)'}>
                <Ticked text={one.message} />
              </Text>{' '}
              {one.hint && (
                <Text span size="sm" c="dimmed">
                  {one.hint}
                </Text>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** The name that the file gives its task. */
function nameIn(text: string): string {
  try {
    const file = parse(text) as { task?: unknown } | null
    return typeof file?.task === 'string' ? file.task : ''
  } catch {
    return ''
  }
}
