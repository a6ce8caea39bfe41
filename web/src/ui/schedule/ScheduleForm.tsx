import { Group, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'

import { api, ask, sentence } from '@/api/client'
import { dayInZone, inZone } from '@/ui/format'
import { useZone } from '@/ui/moments'
import { type Form, scheduleOf, WEEKDAYS } from './builder'
import classes from './ScheduleForm.module.css'

const RHYTHMS = [
  { value: 'daily', label: 'Every day' },
  { value: 'weekly', label: 'On days of the week' },
  { value: 'monthly', label: 'On days of the month' },
  { value: 'hourly', label: 'Every hour' },
  { value: 'every', label: 'Every so often' },
  { value: 'cron', label: 'By a cron line' },
]

interface ScheduleFormProps {
  project: string
  /** What is done with the schedule; `good`: the server reads it. */
  children: (schedule: Record<string, unknown>, good: boolean) => ReactNode
}

/** A plain form that writes a schedule, with the sentence and the next firings beside it. */
export function ScheduleForm({ project, children }: ScheduleFormProps) {
  const zone = useZone()
  const [form, setForm] = useState<Form>({ rhythm: 'daily', at: '09:00', days: [], text: '', timezone: zone, from: '', until: '' })
  const set = (change: Partial<Form>) => setForm({ ...form, ...change })
  const schedule = scheduleOf(form)
  const [asked] = useDebouncedValue(schedule, 300)
  const preview = useQuery({
    queryKey: ['schedule-preview', project, asked, zone],
    queryFn: ({ signal }) =>
      ask(
        api.POST('/api/v1/projects/{project}/schedules/preview', {
          params: { path: { project } },
          body: { schedule: asked as Record<string, never>, count: 10, after: null, timezone: zone },
          signal,
        }),
      ),
    placeholderData: (before) => before,
    retry: false,
  })
  const free = form.rhythm === 'every' || form.rhythm === 'cron'
  return (
    <div className={classes.trial}>
      <Stack gap="sm">
        <Select label="Rhythm" data={RHYTHMS} value={form.rhythm} allowDeselect={false} onChange={(rhythm) => rhythm && set({ rhythm: rhythm as Form['rhythm'], days: [], text: rhythm === 'cron' ? '0 9 * * MON-FRI' : '15m' })} />
        {free ? (
          <TextInput label={form.rhythm === 'cron' ? 'Cron line' : 'How often'} value={form.text} onChange={({ currentTarget }) => set({ text: currentTarget.value })} />
        ) : (
          <TextInput label={form.rhythm === 'hourly' ? 'Minute' : 'Time'} type="time" value={form.at} onChange={({ currentTarget }) => set({ at: currentTarget.value })} />
        )}
        {form.rhythm === 'weekly' && <TagsInput label="Days" data={[...WEEKDAYS]} value={form.days} onChange={(days) => set({ days })} />}
        {form.rhythm === 'monthly' && <TagsInput label="Days" placeholder="1, 15, last" value={form.days} onChange={(days) => set({ days })} />}
        <TextInput label="Zone" value={form.timezone} onChange={({ currentTarget }) => set({ timezone: currentTarget.value })} />
        <Group grow gap="xs">
          <TextInput label="Only from" type="time" value={form.from} onChange={({ currentTarget }) => set({ from: currentTarget.value })} />
          <TextInput label="until" type="time" value={form.until} onChange={({ currentTarget }) => set({ until: currentTarget.value })} />
        </Group>
      </Stack>
      <div>
        {preview.error ? (
          <Text size="sm" role="alert" c="var(--mantine-color-error)">
            {sentence(preview.error)}
          </Text>
        ) : (
          preview.data && (
            <>
              <Text fw={500}>{preview.data.sentence}</Text>
              <Text size="xs" c="dimmed">
                Next, in your zone ({zone}):
              </Text>
              <ul className={classes.firings} aria-label="Next firings">
                {preview.data.lines.map((line) => (
                  <li key={line.planned_at}>
                    {line.verdict === 'skipped' ? <s>{dayInZone(line.planned_at, zone)}</s> : dayInZone(line.planned_at, zone)}{' '}
                    <Text span size="xs" c="dimmed">
                      {preview.data.timezone !== zone && `${inZone(line.planned_at, preview.data.timezone, false)} ${preview.data.timezone} `}
                      {line.verdict === 'fires' ? '' : (line.reason ?? line.verdict)}
                    </Text>
                  </li>
                ))}
              </ul>
            </>
          )
        )}
        {children(schedule, preview.data !== undefined && preview.error === null)}
      </div>
    </div>
  )
}
