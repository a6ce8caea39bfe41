import { Link } from '@tanstack/react-router'

import type { RunLine } from '@/api/generated/schema'
import { count, duration, money, shortId } from './format'
import { Moment, Took } from './moments'
import { OutcomeBadge } from './outcomes'
import table from './Table.module.css'
import { cause } from './triggers'

interface RunTableProps {
  project: string
  runs: readonly RunLine[]
  /** Runs of one task: its column would say the same in each row. */
  ofOneTask?: boolean
}

/** Runs as rows; each leads to its run. */
export function RunTable({ project, runs, ofOneTask = false }: RunTableProps) {
  return (
    <div className={table.wrap}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Outcome</th>
            <th scope="col">{ofOneTask ? 'Run' : 'Task'}</th>
            <th scope="col">Why it ran</th>
            <th scope="col">Queued</th>
            <th scope="col" className={table.number}>
              Took
            </th>
            <th scope="col" className={table.number}>
              Tokens
            </th>
            <th scope="col" className={table.number}>
              Cost
            </th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <Row key={run.id} project={project} run={run} ofOneTask={ofOneTask} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ project, run, ofOneTask }: { project: string; run: RunLine; ofOneTask: boolean }) {
  const tokens = run.usage.input_tokens + run.usage.output_tokens
  const cost = Number(run.usage.usd)
  return (
    <tr>
      <td>
        <OutcomeBadge status={run.status} />
      </td>
      <td>
        <Link to="/p/$project/runs/$run" params={{ project, run: run.id }} className={table.name}>
          {ofOneTask ? <code>{shortId(run.id)}</code> : <bdi>{run.task}</bdi>}
        </Link>
      </td>
      <td className={table.dim}>
        <span className={table.clip}>
          {cause(run.trigger, run.starter)} · v{run.version}
        </span>
      </td>
      <td className={table.dim}>
        <Moment at={run.queued_at} />
      </td>
      <td className={table.number}>
        <Took from={run.started_at} to={run.finished_at} />
      </td>
      <td className={`${table.number} ${table.dim}`}>{tokens ? count(tokens) : '–'}</td>
      <td className={`${table.number} ${table.dim}`}>{cost ? money(cost) : '–'}</td>
      <td className={table.dim}>
        <span className={table.clip} title={run.error?.message ?? run.reason ?? undefined}>
          {run.error?.message ?? run.reason ?? ''}
        </span>
      </td>
    </tr>
  )
}

export const tookText = (seconds: number | null): string => (seconds === null ? '–' : duration(seconds))
