import { Button, Group, Menu, Select } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useMemo, useState } from 'react'

import type { RunLine } from '@/api/generated/schema'
import { tasksLikeQuery } from '@/api/queries'
import { type RunFilter, runsQuery } from '@/api/runs'
import { useArrivals } from '@/ui/arrivals'
import { ArrivalsPill } from '@/ui/ArrivalsPill'
import { ColumnMenu } from '@/ui/ColumnMenu'
import { type Columns, useColumns } from '@/ui/columns'
import { IconDownload } from '@/ui/icons'
import { useNow } from '@/ui/moments'
import { OUTCOMES } from '@/ui/outcomes'
import { RUN_COLUMNS, type RunColumn, RunTable } from '@/ui/RunTable'
import { SavedMenu } from '@/ui/SavedMenu'
import { Screen } from '@/ui/Screen'
import { type Selection, useSelection } from '@/ui/selection'
import { Answered, Empty, Lead } from '@/ui/states'
import { BulkRuns } from './BulkRuns'
import { type RunsSearch, runsSearch } from './search'

type Shown = Columns<RunColumn>['shown']

const route = getRouteApi('/inside/p/$project/runs')
const STATES = Object.entries(OUTCOMES).map(([value, { label }]) => ({ value, label }))
const SPANS: readonly { value: string; label: string }[] = [
  { value: '1', label: 'Last day' },
  { value: '7', label: 'Last 7 days' },
  { value: '30', label: 'Last 30 days' },
]

/** All runs of the project, newest first; the address holds the filter. */
export function RunsScreen() {
  const { project } = route.useParams()
  const search = route.useSearch()
  const filter = useFilter(search)
  const columns = useColumns('runs', RUN_COLUMNS)
  return (
    <Screen title="Runs" actions={<Export project={project} filter={filter} />}>
      <Filters project={project} search={search} columns={columns} />
      <Runs key={JSON.stringify(search)} project={project} filter={filter} columns={columns.shown} filtered={Object.values(search).some((one) => one !== undefined)} />
    </Screen>
  )
}

/** What fits the filter. Another filter begins with nothing chosen. */
function Runs({ project, filter, columns, filtered }: { project: string; filter: RunFilter; columns: Shown; filtered: boolean }) {
  const query = useInfiniteQuery(runsQuery(project, filter))
  const selection = useSelection()
  const runs = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  return (
    <Answered query={query} rows={10}>
      {() => {
        if (runs.length === 0) return <Nothing project={project} filtered={filtered} />
        return (
          <>
            <Listed project={project} runs={runs} columns={columns} selection={selection} />
            {query.hasNextPage && (
              <Group>
                <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  Show older runs
                </Button>
              </Group>
            )}
            <BulkRuns project={project} filter={filter} selection={selection} runs={runs} />
          </>
        )
      }}
    </Answered>
  )
}

/** The rows are drawn when there is time: what is pressed meanwhile answers at once. */
function Listed({ project, runs, columns, selection }: { project: string; runs: readonly RunLine[]; columns: Shown; selection: Selection }) {
  const { shown, fresh, show, holding } = useArrivals(useDeferredValue(runs))
  return (
    <div {...holding}>
      <ArrivalsPill fresh={fresh} noun="run" onShow={show} />
      <RunTable project={project} runs={shown} columns={columns} selection={selection} />
    </div>
  )
}

/** What the server is asked for. The moment is rounded, so that the list is not another one each time it is drawn. */
function useFilter({ task, status, days }: RunsSearch): RunFilter {
  const now = useNow(60_000)
  const hour = Math.floor(now / 3_600_000) * 3_600_000
  return { task, status, since: days ? new Date(hour - days * 86_400_000).toISOString() : undefined }
}

function Filters({ project, search, columns }: { project: string; search: RunsSearch; columns: Columns<RunColumn> }) {
  const navigate = useNavigate()
  const set = (change: RunsSearch) => void navigate({ to: '.', search: { ...search, ...change }, replace: true })
  return (
    <Group gap="xs" role="search" aria-label="Filter runs">
      <TaskChoice project={project} task={search.task} onChange={(task) => set({ task })} />
      <Select
        aria-label="Outcome"
        placeholder="Any outcome"
        data={STATES}
        value={search.status ?? null}
        onChange={(status) => set({ status: (status as RunsSearch['status']) ?? undefined })}
        clearable
        w={150}
      />
      <Select
        aria-label="Since"
        placeholder="Any time"
        data={spansWith(search.days)}
        value={search.days ? String(search.days) : null}
        onChange={(days) => set({ days: days ? Number(days) : undefined })}
        clearable
        w={150}
      />
      <SavedMenu
        project={project}
        shelf="runs"
        title="Views"
        keepLabel="Save this view"
        value={Object.fromEntries(Object.entries(search).filter(([, one]) => one !== undefined))}
        onChoose={(view) => void navigate({ to: '.', search: runsSearch(view) })}
      />
      <ColumnMenu columns={columns} />
    </Group>
  )
}

/** Other screens ask for other spans: what is asked for is told. */
const spansWith = (days: number | undefined) =>
  days === undefined || SPANS.some(({ value }) => value === String(days)) ? [...SPANS] : [...SPANS, { value: String(days), label: `Last ${days} days` }]

const OFFERED = 50

/** One of the tasks, of which there may be thousands: the server seeks those that are offered, once they are wanted. */
function TaskChoice({ project, task, onChange }: { project: string; task: string | undefined; onChange: (task: string | undefined) => void }) {
  const [sought, setSought] = useState(task ?? '')
  const [open, setOpen] = useState(false)
  const asked = useDeferredValue(sought === task ? '' : sought)
  const { data: tasks } = useQuery({ ...tasksLikeQuery(project, asked, OFFERED), enabled: open })
  const names = tasks?.map(({ name }) => name) ?? []
  return (
    <Select
      aria-label="Task"
      placeholder="Any task"
      data={task && !names.includes(task) ? [task, ...names] : names}
      value={task ?? null}
      onChange={(chosen) => onChange(chosen ?? undefined)}
      searchValue={sought}
      onSearchChange={setSought}
      onDropdownOpen={() => setOpen(true)}
      filter={({ options }) => options}
      nothingFoundMessage={open && tasks ? 'No task has this name' : undefined}
      clearable
      searchable
    />
  )
}

function Export({ project, filter }: { project: string; filter: RunFilter }) {
  const address = (format: string) => {
    const given = Object.entries({ ...filter, format }).filter((pair): pair is [string, string] => Boolean(pair[1]))
    return `/api/v1/projects/${encodeURIComponent(project)}/runs/export?${new URLSearchParams(given)}`
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={15} aria-hidden />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={address('csv')} download>
          These runs as CSV
        </Menu.Item>
        <Menu.Item component="a" href={address('json')} download>
          These runs as JSON
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function Nothing({ project, filtered }: { project: string; filtered: boolean }) {
  const navigate = useNavigate()
  return filtered ? (
    <Empty
      title="No run fits this filter"
      action={
        <Button variant="default" onClick={() => void navigate({ to: '.', search: {}, replace: true })}>
          Show all runs
        </Button>
      }
    />
  ) : (
    <Empty
      title="Nothing has run yet"
      action={
        <Lead to="/p/$project/tasks" project={project}>
          Open the tasks
        </Lead>
      }
    >
      Run a task on the page, or with <code>errands run TASK</code>: its run appears here at once.
    </Empty>
  )
}
