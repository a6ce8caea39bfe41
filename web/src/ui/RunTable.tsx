import { Link } from '@tanstack/react-router'
import { memo } from 'react'

import type { RunLine } from '@/api/generated/schema'
import { count, duration, inShort, money, plainly, shortId } from './format'
import { Moment, Took } from './moments'
import { OutcomeBadge } from './outcomes'
import type { Selection } from './selection'
import table from './Table.module.css'
import { Tick } from './Tick'
import { cause } from './triggers'
import own from './RunTable.module.css'

interface RunTableProps {
  project: string
  runs: readonly RunLine[]
  /** Runs of one task: its column would say the same in each row. */
  ofOneTask?: boolean
  /** Rows can be chosen, to do something to many at once. */
  selection?: Selection
}

/** Runs as rows; each leads to its run. */
export const RunTable = memo(function RunTable({ project, runs, ofOneTask = false, selection }: RunTableProps) {
  const all = runs.length > 0 && runs.every(({ id }) => selection?.chosen.has(id))
  return (
    <div className={table.wrap}>
      <table className={`${table.table} ${own.runs}`} data-chosen={selection ? true : undefined}>
        <thead>
          <tr>
            {selection && (
              <th scope="col" className={table.choice}>
                <Tick
                  label="Choose all that are shown"
                  checked={all}
                  some={!all && selection.chosen.size > 0}
                  onChange={() => selection.put(runs.map(({ id }) => id), !all)}
                />
              </th>
            )}
            <th scope="col">Outcome</th>
            <th scope="col">{ofOneTask ? 'Run' : 'Task'}</th>
            <th scope="col" className={table.minor}>
              Why it ran
            </th>
            <th scope="col">Queued</th>
            <th scope="col" className={table.number}>
              Took
            </th>
            <th scope="col" className={`${table.number} ${table.minor}`}>
              Tokens
            </th>
            <th scope="col" className={`${table.number} ${table.minor}`}>
              Cost
            </th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <Row
              key={run.id}
              project={project}
              run={run}
              ofOneTask={ofOneTask}
              chosen={selection?.chosen.has(run.id)}
              onToggle={selection?.toggle}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
})

interface RowProps {
  project: string
  run: RunLine
  ofOneTask: boolean
  /** Undefined: rows of this table are not chosen. */
  chosen: boolean | undefined
  onToggle: ((id: string) => void) | undefined
}

/** Drawn anew only where its own run has changed: a list holds hundreds. */
const Row = memo(function Row({ project, run, ofOneTask, chosen, onToggle }: RowProps) {
  const tokens = run.usage.input_tokens + run.usage.output_tokens
  const cost = Number(run.usage.usd)
  const note = plainly(run.error ? inShort(run.error.message) : (run.reason ?? ''))
  return (
    <tr data-id={run.id} data-selected={chosen || undefined}>
      {chosen !== undefined && (
        <td className={table.choice}>
          <Tick label={`Choose the run of ${run.task}, ${shortId(run.id)}`} checked={chosen} onChange={() => onToggle?.(run.id)} />
        </td>
      )}
      <td className={own.outcome}>
        <OutcomeBadge status={run.status} />
      </td>
      <td className={own.task}>
        <Link to="/p/$project/runs/$run" params={{ project, run: run.id }} className={table.name}>
          {ofOneTask ? <code>{shortId(run.id)}</code> : <bdi>{run.task}</bdi>}
        </Link>
      </td>
      <td className={`${table.dim} ${table.minor}`}>
        <span className={table.clip}>
          {cause(run.trigger, run.starter)} · v{run.version}
        </span>
      </td>
      <td className={`${table.dim} ${own.queued}`}>
        <Moment at={run.queued_at} />
      </td>
      <td className={`${table.number} ${own.took}`}>
        <Took from={run.started_at} to={run.finished_at} />
      </td>
      <td className={`${table.number} ${table.dim} ${table.minor}`}>{tokens ? count(tokens) : '–'}</td>
      <td className={`${table.number} ${table.dim} ${table.minor}`}>{cost ? money(cost) : '–'}</td>
      <td className={`${table.dim} ${own.note}`}>{note && <span className={table.clip} title={run.error?.message ?? note}>{note}</span>}</td>
    </tr>
  )
})

export const tookText = (seconds: number | null): string => (seconds === null ? '–' : duration(seconds))
