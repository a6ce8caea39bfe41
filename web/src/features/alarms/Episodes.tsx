import { Button, Group, Modal, Select, Text, Textarea } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { alarmsQuery } from '@/api/alarms'
import type { AlarmView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { shortId } from '@/ui/format'
import { IconAlertTriangle, IconCircleCheckFilled, IconClockExclamation } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { useMay } from '@/ui/rights'
import { Answered, Empty } from '@/ui/states'
import classes from './Alarms.module.css'
import { acknowledge } from './queries'
import { type AlarmsSearch, KINDS } from './search'
import { KIND_WORDS } from './words'

const route = getRouteApi('/inside/p/$project/alarms')
const STATES = [
  { value: 'open', label: 'Open' },
  { value: 'acknowledged', label: 'Looked after' },
  { value: 'closed', label: 'Over' },
  { value: 'all', label: 'All' },
]
const ICONS = { open: IconAlertTriangle, acknowledged: IconClockExclamation, closed: IconCircleCheckFilled }

/** One alarm is one episode: from when something was seen until it was over. */
export function Episodes({ project }: { project: string }) {
  const search = route.useSearch()
  const navigate = useNavigate()
  const { state = 'open', kind } = search
  const query = useInfiniteQuery(alarmsQuery(project, { state: state === 'all' ? undefined : state, kind }))
  const may = useMay(project)('alarm.acknowledge')
  const show = (part: Partial<AlarmsSearch>) => void navigate({ to: '.', search: { ...search, ...part } })
  return (
    <div className={classes.stack}>
      <div className={classes.filters}>
        <Select aria-label="State" data={STATES} value={state} allowDeselect={false} onChange={(chosen) => show({ state: chosen === 'open' ? undefined : (chosen as AlarmsSearch['state']) })} w={150} />
        <Select aria-label="Kind" placeholder="Any kind" data={KINDS.map((value) => ({ value, label: KIND_WORDS[value] }))} value={kind ?? null} onChange={(chosen) => show({ kind: KINDS.find((one) => one === chosen) })} clearable clearButtonProps={{ 'aria-label': 'Any kind' }} w={180} />
      </div>
      <Answered query={query}>
        {({ pages }) => {
          const alarms = pages.flatMap(({ items }) => items)
          if (alarms.length === 0) return <Nothing filtered={state !== 'open' || kind !== undefined} />
          return (
            <>
              <ul className={classes.list}>
                {alarms.map((alarm) => (
                  <Alarm key={alarm.id} project={project} alarm={alarm} may={may} />
                ))}
              </ul>
              {query.hasNextPage && (
                <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  Show earlier ones
                </Button>
              )}
            </>
          )
        }}
      </Answered>
    </div>
  )
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty title="No alarm is like this">Choose another state or kind.</Empty>
  return (
    <Empty title="Nothing is wrong">
      Alarms appear here when a watched task fails, starts late, falls silent or takes too long. Say what is watched under “What is watched”, or in
      a task's file: <code>{'alarms: {failed: episode, late: 10m}'}</code>
    </Empty>
  )
}

function Alarm({ project, alarm, may }: { project: string; alarm: AlarmView; may: boolean }) {
  const [asking, setAsking] = useState(false)
  const Icon = ICONS[alarm.state]
  return (
    <li className={classes.alarm} data-state={alarm.state}>
      <Icon size={18} aria-hidden />
      <div className={classes.head}>
        <strong>{KIND_WORDS[alarm.kind]}</strong>
        <Link to="/p/$project/tasks/$task" params={{ project, task: alarm.task }}>
          <bdi>{alarm.task}</bdi>
        </Link>
        {alarm.count > 1 && <Text size="xs" c="dimmed">{alarm.count} times</Text>}
        {alarm.run && (
          <Link to="/p/$project/runs/$run" params={{ project, run: alarm.run }}>
            run {shortId(alarm.run)}
          </Link>
        )}
      </div>
      <p className={classes.message}>
        <bdi>{alarm.message.replace(/^run_\w+ f/, 'F')}</bdi>
      </p>
      <span className={classes.since}>
        since <Moment at={alarm.opened_at} />
        {alarm.closed_at && (
          <>
            , over <Moment at={alarm.closed_at} /> {alarm.closed_by && <bdi>({alarm.closed_by})</bdi>}
          </>
        )}
        {alarm.acknowledged_by && (
          <>
            , looked after by <bdi>{alarm.acknowledged_by.replace(/^user:/, '')}</bdi>
            {alarm.note && <bdi>: {alarm.note}</bdi>}
          </>
        )}
      </span>
      {may && alarm.state === 'open' && (
        <Button className={classes.act} size="compact-sm" variant="default" onClick={() => setAsking(true)}>
          Look after it
        </Button>
      )}
      {asking && <LookAfter alarm={alarm} close={() => setAsking(false)} />}
    </li>
  )
}

function LookAfter({ alarm, close }: { alarm: AlarmView; close: () => void }) {
  const [note, setNote] = useState('')
  const change = useChange({
    act: () => acknowledge(alarm.id, note || null),
    stale: ['alarms'],
    said: () => 'Others see that you look after it. It closes when its cause is over.',
    then: close,
  })
  return (
    <Modal opened onClose={close} title={`Look after ${alarm.task}?`}>
      <Textarea label="Note" description="What you know, for the others" placeholder="The supplier is down" autosize minRows={2} maxLength={2000} data-autofocus value={note} onChange={({ currentTarget }) => setNote(currentTarget.value)} />
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close}>
          Leave it
        </Button>
        <Button loading={change.isPending} onClick={() => change.mutate()}>
          Look after it
        </Button>
      </Group>
    </Modal>
  )
}
