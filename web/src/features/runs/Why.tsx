import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import type { RunView } from '@/api/generated/schema'
import { duration } from '@/ui/format'
import { Moment } from '@/ui/moments'
import { Section } from '@/ui/Screen'
import { cause, person } from '@/ui/triggers'
import classes from './Run.module.css'

/** Why this run exists: trigger, planned time, admission. */
export function Why({ project, run }: { project: string; run: RunView }) {
  const trigger = typeof run.trigger.id === 'string' ? run.trigger.id : null
  const { data } = useQuery({
    queryKey: ['occurrences', project, run.task, trigger, 'of', run.id],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/tasks/{task}/occurrences', {
          params: { path: { project, task: run.task }, query: { trigger, limit: 500, until: afterwards(run.queued_at) } },
          signal,
        }),
      ),
    enabled: trigger !== null && run.trigger.kind !== 'on_demand',
  })
  const planned = data?.find((one) => one.run === run.id)
  return (
    <Section title="Why it ran">
      <dl className={classes.why}>
        <dt>Cause</dt>
        <dd>{cause(run.trigger, run.starter)}</dd>
        {run.starter && (
          <>
            <dt>Started by</dt>
            <dd>{person(run.starter)}</dd>
          </>
        )}
        {planned && (
          <>
            <dt>Planned</dt>
            <dd>
              <Moment at={planned.planned_at} as="absolute" />, decided{' '}
              {duration((Date.parse(planned.decided_at) - Date.parse(planned.planned_at)) / 1000)} later: {planned.outcome}
              {planned.reason ? ` (${planned.reason})` : ''}
            </dd>
          </>
        )}
        <dt>Admitted</dt>
        <dd>
          {run.started_at ? (
            <>
              {duration(run.timings.queued)} after it was queued
            </>
          ) : (
            (run.reason ?? 'not yet')
          )}
        </dd>
        <dt>Version</dt>
        <dd>
          <Link to="/p/$project/tasks/$task" params={{ project, task: run.task }} search={{ tab: 'versions' }}>
            v{run.version}
          </Link>
        </dd>
        {run.cancel_by && (
          <>
            <dt>Cancelled by</dt>
            <dd>{person(run.cancel_by)}</dd>
          </>
        )}
      </dl>
    </Section>
  )
}

const afterwards = (moment: string): string => new Date(Date.parse(moment) + 60_000).toISOString()
