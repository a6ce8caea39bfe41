import { Badge, Button, Group, Modal, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import type { OccurrenceView, TriggerView } from '@/api/generated/schema'
import { projectQuery, triggersQuery } from '@/api/queries'
import { cards } from '@/ui/cards'
import { Caution } from '@/ui/Caution'
import { dayInZone, inZone, plural } from '@/ui/format'
import { IconPlus } from '@/ui/icons'
import { Moment, useZone } from '@/ui/moments'
import { useMay } from '@/ui/rights'
import { IntoDraft } from '@/ui/schedule/IntoDraft'
import { ScheduleForm } from '@/ui/schedule/ScheduleForm'
import { Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { done, failed } from '@/ui/toast'
import { Backfills } from './Backfills'
import { Deliveries } from './Deliveries'
import { occurrencesQuery, previewQuery, switchTrigger } from './queries'
import classes from './Task.module.css'

/** What starts the task by itself, what comes next, and what became of planned times. */
export function TaskTriggers({ project, task }: { project: string; task: string }) {
  const query = useQuery(triggersQuery(project, [task]))
  const may = useMay(project)('task.edit')
  return (
    <Answered query={query}>
      {(triggers) =>
        triggers.length === 0 ? (
          <Empty title="Nothing starts this task by itself" action={may && <AddSchedule project={project} task={task} />}>
            Triggers stand in the task's file, under <code>triggers:</code>. It runs on demand meanwhile.
          </Empty>
        ) : (
          <Group align="stretch" gap="md" style={{ flexDirection: 'column' }}>
            {triggers.map((trigger) => (
              <TriggerCard key={trigger.id} project={project} trigger={trigger} />
            ))}
            {may && (
              <Group>
                <AddSchedule project={project} task={task} />
              </Group>
            )}
            <Ledger project={project} task={task} />
          </Group>
        )
      }
    </Answered>
  )
}

function AddSchedule({ project, task }: { project: string; task: string }) {
  const [adding, add] = useDisclosure(false)
  return (
    <>
      <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={add.open}>
        Add a schedule …
      </Button>
      <Modal opened={adding} onClose={add.close} title={`A schedule for ${task}`} size="xl">
        <ScheduleForm project={project}>{(schedule, good) => <IntoDraft project={project} task={task} schedule={schedule} good={good} />}</ScheduleForm>
      </Modal>
    </>
  )
}

function TriggerCard({ project, trigger }: { project: string; trigger: TriggerView }) {
  const { data } = useQuery(projectQuery(project))
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: () => switchTrigger(project, trigger.task, trigger.name, !trigger.enabled, null),
    onSuccess: ({ enabled }) => {
      done(enabled ? `Trigger ${trigger.name} is on` : `Trigger ${trigger.name} is off; its times are recorded as skipped`)
      void client.invalidateQueries({ queryKey: ['triggers', project] })
    },
    onError: failed,
  })
  return (
    <section className={classes.trigger} aria-label={`Trigger ${trigger.name}`}>
      <div className={classes.triggerHead}>
        <Text fw={600}>{trigger.name}</Text>
        <Badge variant="light" color="gray" tt="none">
          {trigger.kind}
        </Badge>
        {!trigger.enabled && <Caution>off</Caution>}
        <Text size="sm">{trigger.sentence}</Text>
        <Text size="sm" c="dimmed">
          {plural(trigger.fired, 'run')} so far
        </Text>
        {data?.rights.includes('trigger.switch') && (
          <Button ms="auto" size="compact-sm" variant="default" loading={change.isPending} onClick={() => change.mutate()}>
            {trigger.enabled ? 'Switch off' : 'Switch on'}
          </Button>
        )}
      </div>
      {trigger.note && (
        <Text size="sm" c="dimmed" mt={4}>
          <bdi>{trigger.note}</bdi>
        </Text>
      )}
      {trigger.held && (
        <Text size="sm" c="var(--outcome-timed_out)" mt={4}>
          {trigger.held}
        </Text>
      )}
      {trigger.kind === 'schedule' && (
        <>
          <Firings project={project} trigger={trigger} />
          <Backfills project={project} trigger={trigger} mayStart={data?.rights.includes('trigger.backfill') ?? false} />
        </>
      )}
      {(trigger.kind === 'webhook' || trigger.kind === 'email') && (
        <Deliveries project={project} trigger={trigger} mayChange={data?.rights.includes('trigger.edit') ?? false} />
      )}
    </section>
  )
}

function Firings({ project, trigger }: { project: string; trigger: TriggerView }) {
  const zone = useZone()
  const { data } = useQuery(previewQuery(project, trigger.task, trigger.name, zone))
  if (!data) return null
  return (
    <>
      <Text size="xs" c="dimmed" mt="xs">
        Next, in your zone ({zone}):
      </Text>
      <ul className={classes.firings} aria-label="Next firings">
        {data.lines.map((line) => {
          const when = dayInZone(line.planned_at, zone)
          const there = data.timezone === zone ? '' : ` (${inZone(line.planned_at, data.timezone, false).slice(11)} ${data.timezone})`
          return (
            <li key={line.planned_at} title={line.reason ?? undefined}>
              {line.verdict === 'skipped' ? <s>{when}</s> : when}
              <Text span size="xs" c="dimmed">
                {line.verdict === 'fires' ? there : ` ${line.reason ?? line.verdict}`}
              </Text>
            </li>
          )
        })}
      </ul>
    </>
  )
}

/** Planned times that are told at first, and at most at once. */
const LATEST = 50
const MOST = 1000

function Ledger({ project, task }: { project: string; task: string }) {
  const [most, setMost] = useState(LATEST)
  const query = useQuery(occurrencesQuery(project, task, most))
  return (
    <Section title="What became of planned times">
      <Answered query={query}>
        {(occurrences) =>
          occurrences.length === 0 ? (
            <Text size="sm" c="dimmed">
              No planned time has come yet.
            </Text>
          ) : (
            <>
              <div className={table.wrap}>
                <table className={table.table} {...cards(['Planned', 'Trigger', 'Outcome', 'Why', 'Run'])}>
                  <thead>
                    <tr>
                      <th scope="col">Planned</th>
                      <th scope="col">Trigger</th>
                      <th scope="col">Outcome</th>
                      <th scope="col">Why</th>
                      <th scope="col">Run</th>
                    </tr>
                  </thead>
                  <tbody>
                    {occurrences.map((one) => (
                      <LedgerRow key={`${one.trigger} ${one.planned_at} ${one.cause ?? ''}`} project={project} occurrence={one} />
                    ))}
                  </tbody>
                </table>
              </div>
              {occurrences.length >= most && <Earlier most={most} busy={query.isFetching} onMore={() => setMost(MOST)} />}
            </>
          )
        }
      </Answered>
    </Section>
  )
}

/** The way to planned times that are not shown. */
function Earlier({ most, busy, onMore }: { most: number; busy: boolean; onMore: () => void }) {
  if (most === MOST)
    return (
      <Text size="xs" c="dimmed">
        The latest {MOST}; the API tells earlier ones, with <code>until</code>.
      </Text>
    )
  return (
    <Button mt="xs" size="compact-sm" variant="default" loading={busy} onClick={onMore} style={{ alignSelf: 'flex-start' }}>
      Show earlier ones
    </Button>
  )
}

function LedgerRow({ project, occurrence }: { project: string; occurrence: OccurrenceView }) {
  return (
    <tr>
      <td>
        <Moment at={occurrence.planned_at} as="absolute" />
      </td>
      <td className={table.dim}>{occurrence.trigger}</td>
      <td>{occurrence.outcome.replaceAll('_', ' ')}</td>
      <td className={table.dim}>{occurrence.reason}</td>
      <td>
        {occurrence.run && (
          <Link to="/p/$project/runs/$run" params={{ project, run: occurrence.run }}>
            {occurrence.run_status ?? 'run'}
          </Link>
        )}
      </td>
    </tr>
  )
}
