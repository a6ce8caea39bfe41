import { Button, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import type { JsonValue } from '@/api/generated/schema'
import { firstLine, plural } from '@/ui/format'
import { IconChecklist, IconHistory, IconListCheck } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { isOutcome, OutcomeBadge } from '@/ui/outcomes'
import { useDesk } from '../desk'
import { OpenQuestion } from './ApprovalCard'
import { CardFrame } from './CardFrame'
import classes from './Cards.module.css'

type Line = Record<string, JsonValue>
const linesOf = (value: JsonValue | undefined): Line[] => (Array.isArray(value) ? (value as Line[]) : [])
const text = (value: JsonValue | undefined): string => (value === null || value === undefined ? '' : String(value))

/** Tasks, each the way to its screen and to a run. */
export function TasksCard({ data }: { data: Line }) {
  const { project } = useDesk()
  const tasks = linesOf(data.tasks)
  return (
    <CardFrame label="Tasks" Icon={IconListCheck} standing={plural(tasks.length, 'task')}>
      <ul className={classes.rows}>
        {tasks.map((one) => (
          <li key={text(one.task)}>
            <div className={classes.rowText}>
              <Link to="/p/$project/tasks/$task" params={{ project, task: text(one.task) }}>
                <bdi>{text(one.task)}</bdi>
              </Link>{' '}
              <span className={classes.dim}>{text(one.state)}</span>
              <Text size="xs" c="dimmed" lineClamp={2}>
                {text(one.description)}
              </Text>
            </div>
            {one.published !== null && (
              <Button
                size="compact-xs"
                variant="default"
                renderRoot={(props) => <Link to="/p/$project/tasks/$task/run" params={{ project, task: text(one.task) }} {...props} />}
                aria-label={`Run ${text(one.task)}`}
              >
                Run
              </Button>
            )}
          </li>
        ))}
      </ul>
    </CardFrame>
  )
}

/** Runs as they were when the list was made; each leads to how it is now. */
export function RunsCard({ data }: { data: Line }) {
  const { project } = useDesk()
  const runs = linesOf(data.runs)
  return (
    <CardFrame label="Runs" Icon={IconHistory} standing={plural(runs.length, 'run')}>
      <ul className={classes.rows}>
        {runs.map((one) => (
          <li key={text(one.run)}>
            {isOutcome(text(one.status)) && <OutcomeBadge status={text(one.status) as never} />}
            <div className={classes.rowText}>
              <Link to="/p/$project/runs/$run" params={{ project, run: text(one.run) }}>
                <bdi>{text(one.task)}</bdi>
              </Link>
              <Text size="xs" c="dimmed" lineClamp={2}>
                {text(one.error) || text(one.reason)}
              </Text>
            </div>
            <Text size="xs" c="dimmed">
              {typeof one.queued_at === 'string' && <Moment at={one.queued_at} />}
            </Text>
          </li>
        ))}
      </ul>
    </CardFrame>
  )
}

/** Questions that wait, to be opened and answered here. */
export function ApprovalsCard({ data }: { data: Line }) {
  const [open, setOpen] = useState<string | null>(null)
  const found = linesOf(data.approvals)
  return (
    <CardFrame label="Questions" Icon={IconChecklist} standing={plural(found.length, 'question')}>
      <ul className={classes.rows}>
        {found.map((one) => {
          const id = text(one.approval)
          return (
            <li key={id} data-open={open === id || undefined}>
              <div className={classes.rowText}>
                <span>
                  <bdi>{firstLine(text(one.question))}</bdi>
                </span>
                <Text size="xs" c="dimmed">
                  {text(one.task)} · <code>{text(one.step)}</code>
                </Text>
                {open === id && <OpenQuestion approval={id} />}
              </div>
              <Button size="compact-xs" variant="default" onClick={() => setOpen(open === id ? null : id)}>
                {open === id ? 'Close' : 'Answer'}
              </Button>
            </li>
          )
        })}
      </ul>
    </CardFrame>
  )
}
