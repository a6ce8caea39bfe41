import { Button, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import { IconBolt, IconCheck } from '@/ui/icons'
import { useDesk } from '../desk'
import type { Card } from '../parts'
import { CardFrame } from './CardFrame'
import { ClickRefused, Dismiss, Idle } from './Clicks'
import { useDecision } from './useDecision'

const VERBS: Record<string, { verb: string; done: string; grave?: boolean }> = {
  pause: { verb: 'Pause it', done: 'Paused' },
  resume: { verb: 'Resume it', done: 'Resumed' },
  archive: { verb: 'Archive it', done: 'Archived', grave: true },
  restore: { verb: 'Restore it', done: 'Restored' },
  delete: { verb: 'Delete it', done: 'Deleted', grave: true },
  publish: { verb: 'Publish it', done: 'Published' },
  cancel: { verb: 'End the run', done: 'Told to end', grave: true },
}

/** Something to be done with a task or a run, if the person wants it. */
export function ActCard({ card }: { card: Card }) {
  const { project } = useDesk()
  const decision = useDecision(card)
  const { standing, may } = decision
  const { name, act, note, text } = card.data
  const { verb, done, grave } = VERBS[String(act)] ?? { verb: 'Do it', done: 'Done' }
  return (
    <CardFrame
      label="Proposal"
      title={String(name)}
      Icon={IconBolt}
      standing={standing?.state === 'done' && <><IconCheck size={14} aria-hidden /> {done}</>}
      actions={
        may && (
          <>
            <Button
              size="compact-md"
              color={grave ? 'red' : undefined}
              loading={decision.doing('do')}
              disabled={decision.click.isPending}
              onClick={() => decision.click.mutate({ action: 'do' })}
            >
              {verb}
            </Button>
            <Dismiss decision={decision} />
          </>
        )
      }
    >
      <Text size="sm">{String(text)}</Text>
      {typeof note === 'string' && note && (
        <Text size="sm" c="dimmed">
          {note}
        </Text>
      )}
      {act === 'cancel' ? (
        <Link to="/p/$project/runs/$run" params={{ project, run: String(name) }}>
          Open the run
        </Link>
      ) : (
        <Link to="/p/$project/tasks/$task" params={{ project, task: String(name) }}>
          Open the task
        </Link>
      )}
      <ClickRefused decision={decision} />
      <Idle decision={decision} />
    </CardFrame>
  )
}
