import { Alert, Text, Textarea } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import { plural, shortId } from '@/ui/format'
import { IconAlertTriangle } from '@/ui/icons'
import classes from './Gate.module.css'

interface GateClosedProps {
  project: string
  /** The runs that would not come out the same. */
  runs: readonly { run: string; why: string }[]
  /** Why it is published all the same. */
  reason: string
  onReason: (reason: string) => void
}

/** Why a version is held back, and the place to say why it is published all the same. */
export function GateClosed({ project, runs, reason, onReason }: GateClosedProps) {
  return (
    <Alert color="orange" variant="light" mb="md" role="alert" icon={<IconAlertTriangle size={18} aria-hidden />} title="The gate holds it back">
      <Text size="sm">{plural(runs.length, 'run')} would not come out the same. Nothing was published.</Text>
      <ul className={classes.runs} aria-label="Runs that would come out otherwise">
        {runs.map(({ run, why }) => (
          <li key={run}>
            <Link to="/p/$project/runs/$run" params={{ project, run }}>
              {shortId(run)}
            </Link>{' '}
            <bdi>{why}</bdi>
          </li>
        ))}
      </ul>
      <Textarea mt="sm" label="Publish it all the same, because" description="Kept in the audit log with the runs above" maxLength={1000} autosize minRows={2} value={reason} onChange={({ currentTarget }) => onReason(currentTarget.value)} />
    </Alert>
  )
}
