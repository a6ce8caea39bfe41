import { Button, Radio, Stack, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { api, ask } from '@/api/client'
import type { RunLine, RunLinePage } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { cancelRun, rerun, type RunFilter } from '@/api/runs'
import { Bulk } from '@/ui/Bulk'
import { plural } from '@/ui/format'
import { isActive } from '@/ui/outcomes'
import { useRowKeys } from '@/ui/rowKeys'
import type { Selection } from '@/ui/selection'
import table from '@/ui/Table.module.css'
import { failed } from '@/ui/toast'
import { FAILED } from './reruns'

/** So many runs are chosen at once at most: what is done to them is asked of the server one by one. */
export const MOST_CHOSEN = 1000
const PAGE = 500

interface BulkRunsProps {
  project: string
  filter: RunFilter
  selection: Selection
  /** The runs that are known so far. */
  runs: readonly RunLine[]
}

/** What can be done with the runs that are chosen, or with all that fit the filter. */
export function BulkRuns({ project, filter, selection, runs }: BulkRunsProps) {
  const { data } = useQuery(projectQuery(project))
  const [fetched, setFetched] = useState<readonly RunLine[]>([])
  const [act, setAct] = useState<'cancel' | 'rerun' | null>(null)
  const known = useMemo(() => new Map([...fetched, ...runs].map((run) => [run.id, run])), [fetched, runs])
  const chosen = [...selection.chosen].flatMap((id) => known.get(id) ?? [])
  const more = useMutation({
    mutationFn: () => allThatFit(project, filter),
    onSuccess: (found) => {
      setFetched(found)
      selection.put(found.map(({ id }) => id), true)
    },
    onError: failed,
  })
  const may = (right: string) => data?.rights.includes(right) ?? false
  useRowKeys((key, id) => {
    const asked = key === 'r' ? 'rerun' : key === 'c' ? 'cancel' : null
    if (!asked || !may(`run.${asked}`) || (asked === 'cancel' && !isActive(known.get(id)?.status ?? ''))) return
    selection.clear()
    selection.put([id], true)
    setAct(asked)
  })
  if (chosen.length === 0) return null
  const active = chosen.filter(({ status }) => isActive(status))
  const close = () => {
    setAct(null)
    selection.clear()
  }
  const [first, second] = chosen
  return (
    <div className={table.bar} role="region" aria-label="Chosen runs">
      <span className="figures">{plural(chosen.length, 'run')} chosen</span>
      <Button size="compact-sm" variant="subtle" loading={more.isPending} onClick={() => more.mutate()}>
        Choose all that fit
      </Button>
      {first && second && chosen.length === 2 && first.task === second.task && (
        <Button
          size="compact-sm"
          variant="default"
          renderRoot={(props) => <Link to="/p/$project/runs/$run/compare" params={{ project, run: first.id }} search={{ with: second.id }} {...props} />}
        >
          Compare
        </Button>
      )}
      {may('run.rerun') && (
        <Button size="compact-sm" variant="default" onClick={() => setAct('rerun')}>
          Rerun …
        </Button>
      )}
      {may('run.cancel') && (
        <Button size="compact-sm" variant="default" disabled={active.length === 0} onClick={() => setAct('cancel')}>
          Cancel …
        </Button>
      )}
      <Button size="compact-sm" variant="subtle" color="gray" ms="auto" onClick={selection.clear}>
        Choose none
      </Button>
      {act === 'cancel' && <CancelMany active={active} ended={chosen.length - active.length} close={close} />}
      {act === 'rerun' && <RerunMany chosen={chosen} close={close} />}
    </div>
  )
}

async function allThatFit(project: string, filter: RunFilter): Promise<RunLine[]> {
  const found: RunLine[] = []
  let cursor: string | null = null
  do {
    const query: Record<string, unknown> = { ...filter, limit: PAGE, ...(cursor ? { cursor } : {}) }
    const page: RunLinePage = await ask(api.GET('/api/v1/projects/{project}/runs', { params: { path: { project }, query } }))
    found.push(...page.items)
    cursor = page.next_cursor
  } while (cursor !== null && found.length < MOST_CHOSEN)
  return found.slice(0, MOST_CHOSEN)
}

function CancelMany({ active, ended, close }: { active: readonly RunLine[]; ended: number; close: () => void }) {
  return (
    <Bulk
      title={`Cancel ${plural(active.length, 'run')}?`}
      act={`Cancel ${plural(active.length, 'run')}`}
      final
      things={active.map(({ id }) => id)}
      onEach={(id) => cancelRun(id, 'cancelled together with others')}
      close={close}
    >
      {plural(active.length, 'run goes', 'runs go')} on now and {active.length === 1 ? 'is' : 'are'} asked to end: {byTask(active)}. What they already did outside stays
      done.
      {ended > 0 && ` ${plural(ended, 'chosen run has', 'chosen runs have')} ended already and ${ended === 1 ? 'is' : 'are'} left alone.`}
    </Bulk>
  )
}

function RerunMany({ chosen, close }: { chosen: readonly RunLine[]; close: () => void }) {
  const failures = chosen.filter(({ error }) => error?.step)
  const [from, setFrom] = useState<'beginning' | 'failure'>(failures.length === chosen.length ? 'failure' : 'beginning')
  const things = (from === 'failure' ? failures : chosen).map(({ id }) => id)
  return (
    <Bulk
      title={`Rerun ${plural(chosen.length, 'run')}?`}
      act={`Start ${plural(things.length, 'run')}`}
      things={things}
      onEach={(id) => rerun(id, from === 'failure' ? FAILED : null)}
      close={close}
    >
      <Stack gap="sm">
        <Text size="sm">
          {plural(things.length, 'new run starts', 'new runs start')}, each with the arguments and the version of the run that it repeats: {byTask(chosen.filter(({ id }) => things.includes(id)))}. What
          is done again changes the outside a second time.
        </Text>
        <Radio.Group aria-label="Where to begin" value={from} onChange={(value) => setFrom(value as 'beginning' | 'failure')}>
          <Stack gap={6}>
            <Radio value="beginning" label="From the beginning" />
            <Radio value="failure" disabled={failures.length === 0} label={`What failed, and what hangs on it (${plural(failures.length, 'run')})`} />
          </Stack>
        </Radio.Group>
      </Stack>
    </Bulk>
  )
}

/** `12 of daily-sync, 3 of report`. */
function byTask(runs: readonly RunLine[]): string {
  const counts = new Map<string, number>()
  for (const { task } of runs) counts.set(task, (counts.get(task) ?? 0) + 1)
  const told = [...counts].sort(([, one], [, other]) => other - one).map(([task, times]) => `${times} of ${task}`)
  return told.length > 5 ? `${told.slice(0, 5).join(', ')} and ${told.length - 5} more tasks` : told.join(', ')
}
