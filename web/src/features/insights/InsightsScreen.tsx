import { Button, SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'

import type { DayFigures } from '@/api/generated/schema'
import { insightsQuery, overviewQuery } from '@/api/queries'
import { DayBars } from '@/ui/DayBars'
import { useNow, useZone } from '@/ui/moments'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty, Lead } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { Failures } from './Failures'
import { InsightRows } from './InsightRows'
import { type Grouping, GROUPINGS, type Order, ORDERS, ordersOf } from './search'

const route = getRouteApi('/inside/p/$project/insights')
const SPANS = ['7', '14', '30', '90']

/** What fails, what is slow, what costs: by day, and by task, person or model. */
export function InsightsScreen() {
  const { project } = route.useParams()
  const { days = 30 } = route.useSearch()
  const zone = useZone()
  const navigate = useNavigate()
  const since = new Date(useNow(60_000) - days * 86_400_000).toISOString()
  const query = useQuery(overviewQuery(project, days, zone, 'days'))
  return (
    <Screen
      title="Insights"
      actions={
        <>
          <SegmentedControl
            size="xs"
            aria-label="Days"
            value={String(days)}
            data={SPANS.map((value) => ({ value, label: `${value} days` }))}
            onChange={(chosen) => void navigate({ to: '.', search: (before) => ({ ...before, days: Number(chosen) }), replace: true })}
          />
          <Button variant="default" component="a" href={`/api/v1/projects/${encodeURIComponent(project)}/runs/export?${new URLSearchParams({ format: 'csv', since })}`} download>
            Export these runs
          </Button>
        </>
      }
    >
      <Answered query={query} rows={8}>
        {(overview) => (overview.days.every(nothing) ? <Nothing project={project} /> : <Figures project={project} bars={overview.days} days={days} />)}
      </Answered>
    </Screen>
  )
}

const nothing = (day: DayFigures): boolean => day.succeeded + day.failed + day.timed_out + day.cancelled + day.skipped + day.active === 0

function Nothing({ project }: { project: string }) {
  return (
    <Empty
      title="Nothing ran in these days"
      action={
        <Lead to="/p/$project/tasks" project={project}>
          Open the tasks
        </Lead>
      }
    >
      Run a task, and its figures appear here: what fails, what is slow, what costs.
    </Empty>
  )
}

function Figures({ project, bars, days }: { project: string; bars: readonly DayFigures[]; days: number }) {
  return (
    <>
      <Section title="Runs by day">
        <div className={table.wrap} style={{ padding: 16 }}>
          <DayBars days={bars} height={160} />
        </div>
      </Section>
      <Groups project={project} days={days} />
      <Failures project={project} days={days} />
    </>
  )
}

function Groups({ project, days }: { project: string; days: number }) {
  const { of = 'task', by = 'failed' } = route.useSearch()
  const zone = useZone()
  const navigate = useNavigate()
  const query = useQuery(insightsQuery(project, days, zone, of, by))
  const set = (change: { of?: Grouping; by?: Order }) => void navigate({ to: '.', search: (before) => ({ ...before, ...change }), replace: true })
  return (
    <Section
      title={GROUPINGS[of].title}
      aside={
        <>
          <SegmentedControl
            size="xs"
            aria-label="Group"
            ms="auto"
            value={of}
            data={Object.entries(GROUPINGS).map(([value, { label }]) => ({ value, label }))}
            onChange={(chosen) => set({ of: chosen as Grouping })}
          />
          <SegmentedControl
            size="xs"
            aria-label="Order"
            value={by}
            data={ordersOf(of).map((value) => ({ value, label: ORDERS[value] }))}
            onChange={(chosen) => set({ by: chosen as Order })}
          />
        </>
      }
    >
      <Answered query={query} rows={4}>
        {(insights) => <InsightRows project={project} days={days} insights={insights} />}
      </Answered>
    </Section>
  )
}
