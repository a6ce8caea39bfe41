import { Text } from '@mantine/core'

import classes from './Cards.module.css'

export interface FiringsData {
  sentence: string
  timezone: string | null
  jitter?: unknown
  lines: readonly { planned_at: string; local: string; verdict: string; reason: string | null }[]
}

/** When it would fire next, in its own zone; what is skipped is struck through and says why. */
export function Firings({ data }: { data: FiringsData }) {
  return (
    <div className={classes.firings}>
      <Text size="sm">
        {data.sentence} {data.timezone && !data.sentence.includes(data.timezone) && <span className={classes.dim}>({data.timezone})</span>}
      </Text>
      <ol>
        {data.lines.map((line) => {
          const skipped = line.verdict !== 'fires'
          return (
            <li key={`${line.planned_at} ${line.local}`}>
              <time dateTime={line.planned_at} title={`${line.planned_at} UTC`}>
                {skipped ? <s>{local(line.local)}</s> : local(line.local)}
              </time>
              {skipped && <span className={classes.dim}> {line.reason ?? line.verdict}</span>}
            </li>
          )
        })}
      </ol>
    </div>
  )
}

/** `Mon 2026-11-30 07:00`, as the clock on the wall of its zone shows it. */
function local(moment: string): string {
  const [date = '', time = ''] = moment.split('T')
  const day = new Date(`${date}T00:00:00Z`).toLocaleDateString('en-GB', { weekday: 'short', timeZone: 'UTC' })
  return `${day} ${date} ${time.slice(0, 5)}`
}
