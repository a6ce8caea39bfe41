import type { DayFigures } from '@/api/generated/schema'
import classes from './DayBars.module.css'
import { count, duration, money } from './format'
import { type Outcome, OUTCOMES, outcomeColor } from './outcomes'

const ORDER: readonly (Outcome & keyof DayFigures)[] = ['succeeded', 'skipped', 'cancelled', 'timed_out', 'failed']

/** Runs of each day, stacked by outcome, with the day's figures on hover. */
export function DayBars({ days, height = 120 }: { days: readonly DayFigures[]; height?: number }) {
  const most = Math.max(1, ...days.map(totalOf))
  return (
    <div className={classes.bars} data-span={days.length > 31 ? 'long' : days.length > 14 ? 'middle' : undefined} style={{ height }} role="img" aria-label={inWords(days)}>
      {days.map((day, place) => (
        <div key={day.day} className={classes.day} title={told(day, totalOf(day))}>
          <div className={classes.stack}>
            {ORDER.map((outcome) =>
              day[outcome] ? (
                <div
                  key={outcome}
                  data-outcome={outcome}
                  className={classes.part}
                  style={{ height: `${(day[outcome] / most) * 100}%`, background: shade(outcome) }}
                />
              ) : null,
            )}
          </div>
          <span className={classes.label} data-tick={(days.length - 1 - place) % 7 === 0 || undefined}>
            <span>{Number(day.day.slice(8))}</span>
          </span>
        </div>
      ))}
    </div>
  )
}

const totalOf = (day: DayFigures) => ORDER.reduce((sum, outcome) => sum + day[outcome], day.active)

/** All is well in most runs: they recede, and what went wrong stands out. */
const shade = (outcome: Outcome): string =>
  outcome === 'succeeded' ? `color-mix(in srgb, ${outcomeColor(outcome)} 70%, var(--surface-raised))` : outcomeColor(outcome)

function told(day: DayFigures, runs: number): string {
  const parts = ORDER.filter((outcome) => day[outcome]).map((one) => `${OUTCOMES[one].label}: ${count(day[one])}`)
  const time = day.p95_seconds === null ? [] : [`95 % within ${duration(day.p95_seconds)}`]
  const spend = day.usd ? [`spend ${money(day.usd)}`] : []
  return [day.day, runs ? null : 'no run', ...parts, ...time, ...spend].filter(Boolean).join('\n')
}

function inWords(days: readonly DayFigures[]): string {
  const sum = (name: (typeof ORDER)[number]) => days.reduce((total, day) => total + day[name], 0)
  return `Runs of ${days.length} days: ${ORDER.map((one) => `${sum(one)} ${OUTCOMES[one].label.toLowerCase()}`).join(', ')}`
}
