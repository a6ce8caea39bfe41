import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import type { WaitView } from '@/api/generated/schema'
import { firstLine } from '@/ui/format'
import { IconHourglass } from '@/ui/icons'
import { Moment, useNow } from '@/ui/moments'
import classes from './Run.module.css'

/** A rest that is over in a moment is not told: it would come and go above what is being read. */
const SOON_MS = 10_000

/** What the run waits for, and the way to end the wait where there is one. */
export function Waits({ project, waits }: { project: string; waits: readonly WaitView[] }) {
  const now = useNow(waits.length > 0 ? 5000 : null)
  const told = waits.filter(({ kind, due_at }) => kind !== 'timer' || due_at === null || Date.parse(due_at) - now > SOON_MS)
  return told.map((wait) => (
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
