import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import type { WaitView } from '@/api/generated/schema'
import { firstLine } from '@/ui/format'
import { IconHourglass } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import classes from './Run.module.css'

/** What the run waits for, and the way to end the wait where there is one. */
export function Waits({ project, waits }: { project: string; waits: readonly WaitView[] }) {
  return waits.map((wait) => (
    <div key={`${wait.path} ${wait.kind}`} className={classes.wait}>
      <IconHourglass size={16} aria-hidden />
      <span>
        <code>{wait.path}</code> {inWords(wait)}
        {wait.due_at && (
          <>
            {' · until '}
            <Moment at={wait.due_at} as="minute" /> (<Moment at={wait.due_at} />)
          </>
        )}
      </span>
      {wait.approval && (
        <Button
          ms="auto"
          size="compact-sm"
          renderRoot={(props) => <Link to="/p/$project/inbox" params={{ project }} search={{ approval: wait.approval ?? undefined }} {...props} />}
        >
          Open the question
        </Button>
      )}
      {wait.child && (
        <Link to="/p/$project/runs/$run" params={{ project, run: wait.child }}>
          Open its run
        </Link>
      )}
    </div>
  ))
}

function inWords(wait: WaitView): string {
  switch (wait.kind) {
    case 'approval':
      return `waits for an answer: ${firstLine(wait.question ?? '')}`
    case 'event':
      return `waits for the event “${wait.event}”${wait.key ? ` with key “${wait.key}”` : ''}`
    case 'child':
      return 'waits for its sub-task'
    case 'timer':
      return 'waits'
  }
}
