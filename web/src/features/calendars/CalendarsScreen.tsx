import { Alert, Button, Group, TextInput, VisuallyHidden } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import { api, ask, isStatus } from '@/api/client'
import type { CalendarView, PeriodView } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { cards } from '@/ui/cards'
import { Confirm } from '@/ui/Confirm'
import { inZone } from '@/ui/format'
import { IconAlertTriangle } from '@/ui/icons'
import { Moment, useZone } from '@/ui/moments'
import { Removal } from '@/ui/Removal'
import { Screen, Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import { done, failed } from '@/ui/toast'

const route = getRouteApi('/inside/p/$project/calendars')

/** Makes the calendar, or gives the one that was looked at these periods. */
const put = (project: string, calendar: string, before: CalendarView | undefined, periods: PeriodView[]) =>
  ask(
    api.PUT('/api/v1/projects/{project}/calendars/{calendar}', {
      params: { path: { project, calendar }, header: before ? { 'if-match': `"${before.digest}"` } : {} },
      body: { periods, exempt_tags: [...(before?.exempt_tags ?? [])] },
    }),
  )

/** Closed periods: schedules that name a calendar under `except:` start nothing within them. */
export function CalendarsScreen() {
  const { project } = route.useParams()
  const { data: own } = useQuery(projectQuery(project))
  const may = own?.rights.includes('calendar.edit') ?? false
  const query = useQuery({
    queryKey: ['calendars', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/calendars', { params: { path: { project } }, signal })),
  })
  return (
    <Screen title="Calendars">
      {may && <AddPeriod project={project} known={query.data ?? []} />}
      <Answered query={query}>
        {(calendars) =>
          calendars.length === 0 ? (
            <Empty title="No calendar is kept here">
              A calendar is a named list of closed periods. A schedule names it: <code>{'except: [{calendar: release-freeze}]'}</code>.
            </Empty>
          ) : (
            calendars.map((calendar) => <Calendar key={calendar.name} project={project} calendar={calendar} may={may && !calendar.of_server} />)
          )
        }
      </Answered>
    </Screen>
  )
}

function AddPeriod({ project, known }: { project: string; known: readonly CalendarView[] }) {
  const [name, setName] = useState('')
  const [start, setStart] = useState('')
  const [end, setEnd] = useState('')
  const [note, setNote] = useState('')
  const client = useQueryClient()
  const add = useMutation({
    mutationFn: () => {
      const before = known.find((one) => one.name === name && !one.of_server)
      const period = { start: new Date(start).toISOString(), end: new Date(end).toISOString(), note: note || null }
      return put(project, name, before, [...(before?.periods ?? []), period])
    },
    onSuccess: () => {
      done(`${name} is closed then; schedules that name it follow at once`)
      setNote('')
      void client.invalidateQueries({ queryKey: ['calendars', project] })
    },
    onError: (error) => {
      if (isStatus(error, 412)) void client.invalidateQueries({ queryKey: ['calendars', project] })
      else failed(error)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="xs">
        <TextInput label="Calendar" placeholder="release-freeze" required withAsterisk={false} value={name} onChange={({ currentTarget }) => setName(currentTarget.value)} />
        <TextInput label="Closed from" type="datetime-local" required withAsterisk={false} value={start} onChange={({ currentTarget }) => setStart(currentTarget.value)} />
        <TextInput label="until" type="datetime-local" required withAsterisk={false} value={end} onChange={({ currentTarget }) => setEnd(currentTarget.value)} />
        <TextInput label="Note" maxLength={1000} value={note} onChange={({ currentTarget }) => setNote(currentTarget.value)} />
        <Button type="submit" loading={add.isPending}>
          Close it then
        </Button>
      </Group>
      {isStatus(add.error, 412) && (
        <Alert mt="xs" color="orange" variant="light" icon={<IconAlertTriangle size={18} aria-hidden />} role="alert" title={`Somebody has changed ${name} meanwhile`}>
          What you typed is not kept yet. Below is the calendar as it is now: look at it, and close it then once more.
        </Alert>
      )}
    </form>
  )
}

function Calendar({ project, calendar, may }: { project: string; calendar: CalendarView; may: boolean }) {
  const [removing, setRemoving] = useState(false)
  const client = useQueryClient()
  const remove = async () => {
    await ask(api.DELETE('/api/v1/projects/{project}/calendars/{calendar}', { params: { path: { project, calendar: calendar.name } } }))
    await client.invalidateQueries({ queryKey: ['calendars', project] })
    done(`${calendar.name} is removed`)
  }
  return (
    <Section
      title={calendar.name}
      aside={
        may ? (
          <Button size="compact-xs" variant="default" onClick={() => setRemoving(true)}>
            Remove
          </Button>
        ) : (
          calendar.of_server && <span className={table.dim}>of the server</span>
        )
      }
    >
      <div className={table.wrap}>
        <table className={table.table} aria-label={`Closed periods of ${calendar.name}`} {...cards(['From', 'Until', 'Note'], may)}>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">Until</th>
              <th scope="col">Note</th>
              {may && (
                <th scope="col">
                  <VisuallyHidden>Actions</VisuallyHidden>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {calendar.periods.map((period) => (
              <tr key={`${period.start} ${period.end}`}>
                <td>
                  <Moment at={period.start} as="minute" />
                </td>
                <td>
                  <Moment at={period.end} as="minute" />
                </td>
                <td className={table.dim}>
                  <bdi>{period.note}</bdi>
                </td>
                {may && (
                  <td className={table.number}>
                    <OpenAgain project={project} calendar={calendar} period={period} />
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {removing && (
        <Confirm title={`Remove ${calendar.name}?`} act="Remove" onConfirm={remove} close={() => setRemoving(false)}>
          Its periods are gone. A schedule that names it cannot be worked out until somebody makes it again.
        </Confirm>
      )}
    </Section>
  )
}

/** Takes one period out of its calendar. */
function OpenAgain({ project, calendar, period }: { project: string; calendar: CalendarView; period: PeriodView }) {
  const zone = useZone()
  const left = calendar.periods.filter((one) => one !== period)
  const when = `${inZone(period.start, zone, false)} to ${inZone(period.end, zone, false)}`
  return (
    <Removal
      label="Take out"
      title={`Take ${when} out of ${calendar.name}?`}
      act="Take it out"
      remove={() => put(project, calendar.name, calendar, left)}
      said={`${calendar.name} is not closed then any more`}
      stale={['calendars', 'triggers']}
    >
      Schedules that name {calendar.name} start within these times again. You can close them once more.
    </Removal>
  )
}
