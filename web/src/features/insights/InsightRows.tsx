import { Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import type { Insight, Insights } from '@/api/generated/schema'
import { count, money, plural } from '@/ui/format'
import { tookText } from '@/ui/RunTable'
import { Strip } from '@/ui/Strip'
import table from '@/ui/Table.module.css'
import { starterText } from '@/ui/triggers'
import { type Grouping, GROUPINGS } from './search'

interface Column {
  head: string
  /** Gives way at a telephone's width. */
  minor?: boolean
  cell: (row: Insight, project: string, days: number) => React.ReactNode
}

const RUNS: Column = { head: 'Runs', cell: ({ runs }) => count(runs) }
const TOKENS: Column = { head: 'Tokens', minor: true, cell: ({ tokens }) => (tokens ? count(tokens) : '–') }
const SPEND: Column = { head: 'Spend', cell: ({ usd }) => (usd ? money(usd) : '–') }
const FAILED: Column = { head: 'Failed', cell: ({ failed }) => (failed ? count(failed) : '–') }
const SUCCEEDED: Column = {
  head: 'Succeeded',
  minor: true,
  cell: ({ succeeded, failed }) => (succeeded !== null && succeeded + failed ? `${Math.floor((succeeded / (succeeded + failed)) * 100)} %` : '–'),
}
const FAILED_OF_TASK: Column = {
  head: 'Failed',
  cell: ({ name, failed }, project, days) =>
    failed ? (
      <Link to="/p/$project/runs" params={{ project }} search={{ task: name, status: 'failed', days }}>
        {count(failed)}
      </Link>
    ) : (
      '–'
    ),
}

const COLUMNS: Record<Grouping, Column[]> = {
  task: [
    RUNS,
    FAILED_OF_TASK,
    SUCCEEDED,
    { head: 'Half within', minor: true, cell: ({ p50_seconds }) => tookText(p50_seconds) },
    { head: '95 % within', minor: true, cell: ({ p95_seconds }) => tookText(p95_seconds) },
    TOKENS,
    SPEND,
  ],
  person: [RUNS, FAILED, SUCCEEDED, TOKENS, SPEND],
  model: [RUNS, FAILED, { head: 'Requests', minor: true, cell: ({ requests }) => count(requests) }, TOKENS, SPEND],
}

const NONE: Record<Grouping, string> = {
  task: 'No task ran in these days.',
  person: 'Nobody started a run in these days.',
  model: 'No run asked a model in these days.',
}

/** Figures of tasks, of those who start runs, or of models: one row each. */
export function InsightRows({ project, days, insights: { by, rows, all } }: { project: string; days: number; insights: Insights }) {
  if (rows.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {NONE[by]}
      </Text>
    )
  }
  return (
    <>
      <div className={table.wrap}>
        <table className={table.table} aria-label={GROUPINGS[by].title}>
          <thead>
            <tr>
              <th scope="col">{GROUPINGS[by].head}</th>
              {by === 'task' && (
                <th scope="col" className={table.minor}>
                  Last runs
                </th>
              )}
              {COLUMNS[by].map(({ head, minor }) => (
                <th key={head} scope="col" className={numeric(minor)}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name}>
                <td>
                  <Name project={project} by={by} name={row.name} />
                </td>
                {by === 'task' && (
                  <td className={table.minor}>
                    <Strip project={project} runs={row.recent} />
                  </td>
                )}
                {COLUMNS[by].map(({ head, minor, cell }) => (
                  <td key={head} className={numeric(minor)}>
                    {cell(row, project, days)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {all > rows.length && (
        <Text size="xs" c="dimmed">
          The first {count(rows.length)} of {plural(all, 'row')}.
        </Text>
      )}
    </>
  )
}

const numeric = (minor?: boolean): string => `${table.number} ${minor ? table.minor : ''}`

function Name({ project, by, name }: { project: string; by: Grouping; name: string }) {
  if (by === 'task') {
    return (
      <Link to="/p/$project/tasks/$task" params={{ project, task: name }} className={table.name}>
        <bdi>{name}</bdi>
      </Link>
    )
  }
  return <bdi>{by === 'person' ? starterText(name) : name || 'not recorded'}</bdi>
}
