import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import type { TaskView } from '@/api/generated/schema'
import { overviewQuery, triggersQuery } from '@/api/queries'
import { count, money } from '@/ui/format'
import { Moment, useZone } from '@/ui/moments'
import { tookText } from '@/ui/RunTable'
import { Section } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { StepOutline } from '@/ui/steps/StepOutline'
import { Strip } from '@/ui/Strip'
import { sourceQuery } from './queries'
import classes from './Task.module.css'

/** What the task is for, its steps, how it did lately and what starts it. */
export function TaskOverview({ project, task }: { project: string; task: TaskView }) {
  const source = useQuery(sourceQuery(project, task.name))
  return (
    <div className={classes.columns}>
      <div className={classes.main}>
        <Text className={classes.about}>
          <bdi>{task.description}</bdi>
        </Text>
        <Section title="Steps">
          <Answered query={source}>{(file) => <StepOutline source={file.source} />}</Answered>
        </Section>
      </div>
      <aside className={classes.aside}>
        <Figures project={project} task={task.name} />
        <Starts project={project} task={task.name} />
      </aside>
    </div>
  )
}

function Figures({ project, task }: { project: string; task: string }) {
  const zone = useZone()
  const { data } = useQuery(overviewQuery(project, 14, zone, 'tasks'))
  const own = data?.tasks.find((one) => one.task === task)
  const ended = own ? own.succeeded + own.failed : 0
  return (
    <Section title="14 days">
      <Strip project={project} runs={own?.recent ?? []} />
      <dl className={classes.facts}>
        <dt>Runs</dt>
        <dd>{count(own?.runs ?? 0)}</dd>
        <dt>Succeeded</dt>
        <dd>{own && ended ? `${Math.floor((own.succeeded / ended) * 100)} %` : '–'}</dd>
        <dt>Half within</dt>
        <dd>{tookText(own?.p50_seconds ?? null)}</dd>
        <dt>95 % within</dt>
        <dd>{tookText(own?.p95_seconds ?? null)}</dd>
        <dt>Tokens</dt>
        <dd>{own?.tokens ? count(own.tokens) : '–'}</dd>
        <dt>Spend</dt>
        <dd>{own?.usd ? money(own.usd) : '–'}</dd>
      </dl>
    </Section>
  )
}

function Starts({ project, task }: { project: string; task: string }) {
  const query = useQuery(triggersQuery(project, [task]))
  return (
    <Section title="Starts">
      <Answered query={query} rows={2}>
        {(triggers) =>
          triggers.length === 0 ? (
            <Text size="sm" c="dimmed">
              On demand only.
            </Text>
          ) : (
            <ul className={classes.triggers}>
              {triggers.map((trigger) => (
                <li key={trigger.id}>
                  <span>{trigger.sentence ?? `${trigger.kind} “${trigger.name}”`}</span>
                  <Text size="xs" c="dimmed">
                    {trigger.held ?? (trigger.next_at ? <>next <Moment at={trigger.next_at} zone={trigger.timezone} /></> : 'nothing planned')}
                  </Text>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Section>
  )
}
