import { Checkbox, Select, Text, VisuallyHidden } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'

import { api, ask } from '@/api/client'
import type { RunLine, RunView } from '@/api/generated/schema'
import { runsQuery } from '@/api/runs'
import { Difference } from '@/ui/Difference'
import { count, duration, inZone, money, shortId } from '@/ui/format'
import { Moment, useZone } from '@/ui/moments'
import { OutcomeBadge, OUTCOMES } from '@/ui/outcomes'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { cause } from '@/ui/triggers'
import { asText } from './compare'
import classes from './Compare.module.css'
import { ComparedSteps } from './ComparedSteps'

const route = getRouteApi('/inside/p/$project/runs/$run/compare')
/** Bytes of a value that is compared at once; larger ones are compared by size, and whole when a step is opened. */
const LARGEST_COMPARED = 2 ** 14

const wholeRunQuery = (run: string) => ({
  queryKey: ['run', run, 'compared'],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    ask(api.GET('/api/v1/runs/{run}', { params: { path: { run }, query: { largest: LARGEST_COMPARED } }, signal })),
})

/** Two runs of a task side by side, the earlier one first: what differs between them, and where it began. */
export function CompareScreen() {
  const { project, run } = route.useParams()
  const { with: chosen } = route.useSearch()
  const query = useQuery(wholeRunQuery(run))
  return (
    <Screen title="Compare two runs">
      <Answered query={query} rows={10}>
        {(one) => <Chosen project={project} one={one} chosen={chosen} />}
      </Answered>
    </Screen>
  )
}

/** The other run: the one that was asked for, or else what this one repeats, or the newest other one. */
function Chosen({ project, one, chosen }: { project: string; one: RunView; chosen: string | undefined }) {
  const navigate = useNavigate()
  const zone = useZone()
  const lines = useInfiniteQuery(runsQuery(project, { task: one.task }, 100))
  const others = (lines.data?.pages.flatMap(({ items }) => items) ?? []).filter(({ id }) => id !== one.id)
  const wanted = chosen ?? one.rerun_of ?? others.find(({ queued_at }) => queued_at < one.queued_at)?.id ?? others[0]?.id
  const query = useQuery({ ...wholeRunQuery(wanted ?? ''), enabled: wanted !== undefined })
  if (wanted === undefined)
    return lines.isPending ? null : <Empty title="There is nothing to compare it with">This is the only run of {one.task}.</Empty>
  const offered = others.map((line) => ({ value: line.id, label: named(line, zone) }))
  if (!offered.some(({ value }) => value === wanted)) offered.push({ value: wanted, label: shortId(wanted) })
  return (
    <>
      <Select
        label="Compare with"
        maw={420}
        data={offered}
        value={wanted}
        allowDeselect={false}
        searchable
        limit={100}
        onChange={(other) => other && void navigate({ to: '.', search: { with: other }, replace: true })}
      />
      <Answered query={query} rows={10}>
        {(other) => {
          const [earlier, later] = one.queued_at < other.queued_at ? [one, other] : [other, one]
          return <SideBySide project={project} one={earlier} other={later} />
        }}
      </Answered>
    </>
  )
}

const named = (line: RunLine, zone: string): string => `${inZone(line.queued_at, zone, false)} · ${OUTCOMES[line.status].label} · ${shortId(line.id)}`

function SideBySide({ project, one, other }: { project: string; one: RunView; other: RunView }) {
  const [all, setAll] = useState(false)
  return (
    <>
      <Facts project={project} one={one} other={other} />
      <div className={classes.values}>
        <Section title="Arguments">
          <Difference before={asText(one.arguments)} after={asText(other.arguments)} label="Differences of the arguments" />
        </Section>
        <Section title="Output">
          <Outputs one={one} other={other} />
        </Section>
      </div>
      <Section title="Steps" aside={<Checkbox ms="auto" size="xs" label="Those that are the same, too" checked={all} onChange={({ currentTarget }) => setAll(currentTarget.checked)} />}>
        <ComparedSteps one={one} other={other} all={all} />
      </Section>
    </>
  )
}

function Outputs({ one, other }: { one: RunView; other: RunView }) {
  if (one.error || other.error)
    return <Difference before={one.error?.message ?? asText(one.output)} after={other.error?.message ?? asText(other.output)} label="Differences of the outcome" />
  if (one.output_size || other.output_size)
    return (
      <Text size="sm" c="dimmed">
        {one.output_size === other.output_size ? 'Both are large and have the same size.' : 'They differ in size.'}
      </Text>
    )
  return <Difference before={asText(one.output)} after={asText(other.output)} label="Differences of the output" />
}

type Told = (run: RunView) => ReactNode

const tokens = (run: RunView): number => run.usage.input_tokens + run.usage.output_tokens

const FACTS: readonly [string, Told, (run: RunView) => string | number][] = [
  ['Outcome', (run) => <OutcomeBadge status={run.status} />, (run) => run.status],
  ['Version', (run) => `v${run.version}`, (run) => run.version],
  ['Cause', (run) => cause(run.trigger, run.starter), (run) => cause(run.trigger, run.starter)],
  ['Queued', (run) => duration(run.timings.queued), () => ''],
  ['Ran', (run) => duration(run.timings.running), () => ''],
  ['Waited', (run) => duration(run.timings.waiting), () => ''],
  ['Tokens', (run) => count(tokens(run)), tokens],
  ['Cost', (run) => money(Number(run.usage.usd)), (run) => Number(run.usage.usd)],
  ['Steps', (run) => count(run.steps.length), (run) => run.steps.length],
]

function Facts({ project, one, other }: { project: string; one: RunView; other: RunView }) {
  return (
    <div className={table.wrap}>
      <table className={table.table} aria-label="Both runs">
        <thead>
          <tr>
            <th scope="col">
              <VisuallyHidden>Fact</VisuallyHidden>
            </th>
            {[one, other].map((run) => (
              <th key={run.id} scope="col" className={classes.run}>
                {run === one ? 'Earlier' : 'Later'}:{' '}
                <Link className={classes.link} to="/p/$project/runs/$run" params={{ project, run: run.id }}>
                  {shortId(run.id)}
                </Link>{' '}
                <Moment at={run.queued_at} as="minute" />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {FACTS.map(([name, told, key]) => (
            <tr key={name} data-differs={key(one) !== key(other) || undefined} className={classes.fact}>
              <th scope="row">{name}</th>
              <td className="figures">{told(one)}</td>
              <td className="figures">{told(other)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
