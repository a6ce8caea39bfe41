import { memo } from 'react'

import type { RunLine } from '@/api/generated/schema'
import { byTens, CHOICE, type Column, tracks } from './columns'
import { runAddress, useFollow } from './follow'
import { count, duration, inShort, money, plainly, shortId } from './format'
import { Moment, Took } from './moments'
import { OutcomeBadge } from './outcomes'
import type { Selection } from './selection'
import table from './Table.module.css'
import { TaskName } from './TaskName'
import { Tick } from './Tick'
import { cause } from './triggers'
import own from './RunTable.module.css'

export type RunColumn = 'outcome' | 'task' | 'why' | 'queued' | 'took' | 'tokens' | 'cost' | 'note'

export const RUN_COLUMNS: readonly Column<RunColumn>[] = [
  { name: 'outcome', label: 'Outcome', width: '116px' },
  { name: 'task', label: 'Task', width: 'minmax(120px, 2fr)', naming: true },
  { name: 'why', label: 'Why it ran', width: 'minmax(110px, 1.6fr)', minor: true },
  { name: 'queued', label: 'Queued', width: '96px' },
  { name: 'took', label: 'Took', width: '100px', figures: true },
  { name: 'tokens', label: 'Tokens', width: '72px', figures: true, minor: true },
  { name: 'cost', label: 'Cost', width: '72px', figures: true, minor: true },
  { name: 'note', label: 'Note', width: 'minmax(90px, 1.8fr)' },
]

interface RunTableProps {
  project: string
  runs: readonly RunLine[]
  columns?: readonly Column<RunColumn>[]
  /** Runs of one task: its column would say the same in each row. */
  ofOneTask?: boolean
  /** Rows can be chosen, to do something to many at once. */
  selection?: Selection
}

/** Runs as rows; each leads to its run. */
export const RunTable = memo(function RunTable({ project, runs, columns = RUN_COLUMNS, ofOneTask = false, selection }: RunTableProps) {
  const follow = useFollow()
  const all = runs.length > 0 && runs.every(({ id }) => selection?.chosen.has(id))
  return (
    <div className={table.wrap}>
      <table
        className={`${table.table} ${table.long} ${own.runs}`}
        data-chosen={selection ? true : undefined}
        style={tracks(columns, selection && CHOICE)}
        onClick={follow}
      >
        <thead>
          <tr>
            {selection && (
              <th scope="col" className={`${table.choice} ${own.choice}`}>
                <Tick
                  label="Choose all that are shown"
                  checked={all}
                  some={!all && selection.chosen.size > 0}
                  onChange={() => selection.put(runs.map(({ id }) => id), !all)}
                />
              </th>
            )}
            {columns.map(({ name, label, figures, minor }) => (
              <th key={name} scope="col" className={classesOf(figures && table.number, minor && table.minor)}>
                {name === 'task' && ofOneTask ? 'Run' : label}
              </th>
            ))}
          </tr>
        </thead>
        {byTens(runs).map(({ rows, style }, place) => (
          <tbody key={place} style={style}>
            {rows.map((run) => (
              <Row
                key={run.id}
                project={project}
                run={run}
                columns={columns}
                ofOneTask={ofOneTask}
                chosen={selection?.chosen.has(run.id)}
                onToggle={selection?.toggle}
              />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  )
})

const classesOf = (...names: (string | false | undefined)[]): string => names.filter(Boolean).join(' ')

interface RowProps {
  project: string
  run: RunLine
  columns: readonly Column<RunColumn>[]
  ofOneTask: boolean
  /** Undefined: rows of this table are not chosen. */
  chosen: boolean | undefined
  onToggle: ((id: string) => void) | undefined
}

/** Drawn anew only where its own run has changed: a list holds hundreds. */
const Row = memo(function Row({ project, run, columns, ofOneTask, chosen, onToggle }: RowProps) {
  return (
    <tr data-id={run.id} data-selected={chosen || undefined}>
      {chosen !== undefined && (
        <td className={`${table.choice} ${own.choice}`}>
          <Tick label={`Choose the run of ${run.task}, ${shortId(run.id)}`} checked={chosen} onChange={() => onToggle?.(run.id)} />
        </td>
      )}
      {columns.map(({ name }) => cell(name, run, project, ofOneTask))}
    </tr>
  )
})

const FIGURES = `${table.number} ${table.dim} ${table.minor}`

/** What a column says of a run. No component of its own: thousands of cells are drawn. */
function cell(column: RunColumn, run: RunLine, project: string, ofOneTask: boolean) {
  switch (column) {
    case 'outcome':
      return (
        <td key={column} className={own.outcome}>
          <OutcomeBadge status={run.status} />
        </td>
      )
    case 'task':
      return (
        <td key={column} className={own.task}>
          <a href={runAddress(project, run.id)} className={table.name}>
            {ofOneTask ? <code>{shortId(run.id)}</code> : <TaskName name={run.task} title={run.task_title} />}
          </a>
        </td>
      )
    case 'why':
      return (
        <td key={column} className={`${table.dim} ${table.minor}`}>
          <span className={table.clip}>
            {cause(run.trigger, run.starter)} · v{run.version}
          </span>
        </td>
      )
    case 'queued':
      return (
        <td key={column} className={`${table.dim} ${own.queued}`}>
          <Moment at={run.queued_at} />
        </td>
      )
    case 'took':
      return (
        <td key={column} className={`${table.number} ${own.took}`}>
          <Took from={run.started_at} to={run.finished_at} />
        </td>
      )
    case 'tokens': {
      const tokens = run.usage.input_tokens + run.usage.output_tokens
      return (
        <td key={column} className={FIGURES}>
          {tokens ? count(tokens) : '–'}
        </td>
      )
    }
    case 'cost': {
      const cost = Number(run.usage.usd)
      return (
        <td key={column} className={FIGURES}>
          {cost ? money(cost) : '–'}
        </td>
      )
    }
    case 'note': {
      const note = plainly(run.error ? inShort(run.error.message) : (run.reason ?? ''))
      return (
        <td key={column} className={`${table.dim} ${own.note}`}>
          {note && (
            <span className={table.clip} title={run.error?.message ?? note}>
              {note}
            </span>
          )}
        </td>
      )
    }
  }
}

export const tookText = (seconds: number | null): string => (seconds === null ? '–' : duration(seconds))
