import { Button, Group, Modal, NumberInput, Progress, Select, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { api, ask, sentence } from '@/api/client'
import type { BackfillView, TriggerView } from '@/api/generated/schema'
import { Confirm } from '@/ui/Confirm'
import { plural } from '@/ui/format'
import { Moment, useZone } from '@/ui/moments'
import { done, failed } from '@/ui/toast'
import { backfillsQuery, startOfDay, turnBackfill } from './backfill'
import classes from './Task.module.css'

/** Backfills of a trigger: how far each is, with what can be done to it. */
export function Backfills({ project, trigger, mayStart }: { project: string; trigger: TriggerView; mayStart: boolean }) {
  const [starting, setStarting] = useState(false)
  const { data: own = [] } = useQuery(backfillsQuery(project, trigger.task, trigger.name))
  if (!mayStart && own.length === 0) return null
  return (
    <>
      {own.map((one) => (
        <OneBackfill key={one.id} project={project} backfill={one} mayTurn={mayStart} />
      ))}
      {mayStart && (
        <Button mt="sm" size="compact-sm" variant="default" onClick={() => setStarting(true)}>
          Make up for past times …
        </Button>
      )}
      {starting && <Start project={project} trigger={trigger} close={() => setStarting(false)} />}
    </>
  )
}

function OneBackfill({ project, backfill, mayTurn }: { project: string; backfill: BackfillView; mayTurn: boolean }) {
  const [asking, setAsking] = useState(false)
  const client = useQueryClient()
  const turn = useMutation({
    mutationFn: (act: 'pause' | 'resume' | 'cancel') => turnBackfill(project, backfill.id, act),
    onSuccess: () => client.invalidateQueries({ queryKey: ['backfills', project] }),
    onError: failed,
  })
  const open = backfill.ended_at === null && backfill.status !== 'cancelled'
  const told = backfill.started + backfill.passed_over
  return (
    <div className={classes.backfill} role="group" aria-label={`Backfill of ${backfill.trigger}`}>
      <Text size="sm">
        <Moment at={backfill.start} as="minute" /> to <Moment at={backfill.end} as="minute" />: {backfill.status}
      </Text>
      <Progress value={backfill.total ? (told / backfill.total) * 100 : 100} w={160} aria-label="How far the backfill is" />
      <Text size="sm" c="dimmed" className="figures">
        {backfill.started} of {plural(backfill.total, 'run')} started{backfill.passed_over > 0 && `, ${backfill.passed_over} had run already`}
      </Text>
      {mayTurn && open && (
        <Group gap="xs" ms="auto">
          <Button size="compact-sm" variant="default" loading={turn.isPending} onClick={() => turn.mutate(backfill.status === 'paused' ? 'resume' : 'pause')}>
            {backfill.status === 'paused' ? 'Go on' : 'Pause'}
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
            End it …
          </Button>
        </Group>
      )}
      {asking && (
        <Confirm title="End this backfill?" act="End it" onConfirm={() => turn.mutateAsync('cancel')} close={() => setAsking(false)}>
          {plural(backfill.total - told, 'planned time is', 'planned times are')} left out. Runs that have begun go on.
        </Confirm>
      )}
    </div>
  )
}

const OVERLAPS = [
  { value: 'allow', label: 'run beside it' },
  { value: 'queue_all', label: 'wait in turn' },
  { value: 'skip', label: 'be skipped' },
]

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)

/** Counts first, then starts. */
function Start({ project, trigger, close }: { project: string; trigger: TriggerView; close: () => void }) {
  const zone = trigger.timezone ?? 'UTC'
  const reader = useZone()
  const [today] = useState(() => daysAgo(0))
  const [from, setFrom] = useState(() => daysAgo(7))
  const [until, setUntil] = useState(today)
  const [atOnce, setAtOnce] = useState(1)
  const [overlap, setOverlap] = useState('allow')
  const [now] = useState(() => new Date().toISOString())
  const end = startOfDay(until, zone)
  // The last day may not have begun yet where the task is.
  const range = { start: startOfDay(from, zone), end: end > now ? now : end }
  const [asked] = useDebouncedValue(`${range.start} ${range.end}`, 300)
  const path = { project, task: trigger.task, trigger: trigger.name }
  const plan = useQuery({
    queryKey: ['backfills', project, trigger.task, trigger.name, 'plan', asked],
    queryFn: ({ signal }) => {
      const [start = '', end = ''] = asked.split(' ')
      return ask(
        api.GET('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/backfill', { params: { path, query: { start, end } }, signal }),
      )
    },
    retry: false,
    staleTime: 0,
  })
  const client = useQueryClient()
  const start = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/api/v1/projects/{project}/tasks/{task}/triggers/{trigger}/backfill', {
          params: { path },
          body: { ...range, overlap: overlap as 'allow', max_concurrent: atOnce },
        }),
      ),
    onSuccess: ({ total }) => {
      done(`${plural(total, 'run')} will be started`)
      close()
      return client.invalidateQueries({ queryKey: ['backfills', project] })
    },
  })
  const starts = plan.data?.starts ?? 0
  return (
    <Modal opened onClose={close} title={`Make up for past times of ${trigger.name}`}>
      <Group grow>
        <TextInput type="date" label="From" value={from} max={today} onChange={({ currentTarget }) => setFrom(currentTarget.value)} />
        <TextInput type="date" label="Until, not included" value={until} onChange={({ currentTarget }) => setUntil(currentTarget.value)} />
      </Group>
      <Group grow mt="sm">
        <NumberInput label="At a time" min={1} max={1000} value={atOnce} onChange={(number) => setAtOnce(Math.max(1, Number(number) || 1))} />
        <Select label="While another run goes on" data={OVERLAPS} allowDeselect={false} value={overlap} onChange={(chosen) => chosen && setOverlap(chosen)} />
      </Group>
      <Text size="sm" mt="md" role="status">
        {plan.error ? (
          <Text span c="var(--mantine-color-error)">
            {sentence(plan.error)}
          </Text>
        ) : plan.data ? (
          <>
            {plural(starts, 'run')} would be started{plan.data.first && plan.data.last && <>, from <Moment at={plan.data.first} as="minute" /> to <Moment at={plan.data.last} as="minute" /></>}.{' '}
            {plan.data.already_ran > 0 && `${plural(plan.data.already_ran, 'planned time has', 'planned times have')} had a run and ${plan.data.already_ran === 1 ? 'is' : 'are'} passed over.`}
          </>
        ) : (
          'Counting …'
        )}
      </Text>
      <Text size="xs" c="dimmed" mt={4}>
        Days of {zone}{zone === reader ? '' : `; moments are told in ${reader}`}.
      </Text>
      {start.error && (
        <Text size="sm" mt="sm" role="alert" c="var(--mantine-color-error)">
          {sentence(start.error)}
        </Text>
      )}
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close}>
          Leave it
        </Button>
        <Button loading={start.isPending} disabled={starts === 0} onClick={() => start.mutate()}>
          Start {plural(starts, 'run')}
        </Button>
      </Group>
    </Modal>
  )
}
