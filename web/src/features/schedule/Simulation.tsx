import { Text } from '@mantine/core'

import type { SimulationView } from '@/api/generated/schema'
import { cards } from '@/ui/cards'
import { count, money, plural } from '@/ui/format'
import table from '@/ui/Table.module.css'
import classes from './Schedule.module.css'

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** A square for each day, darker the more starts, a column for each week; what meets at the same minute below it. */
export function Simulation({ simulation }: { simulation: SimulationView }) {
  const most = Math.max(1, ...simulation.days.map((day) => day.starts))
  const spend = simulation.days.reduce((total, day) => total + day.usd, 0)
  return (
    <div className={classes.simulation}>
      <div className={classes.heat} role="img" aria-label={`Starts by day over ${simulation.days.length} days, ${most} on the busiest`}>
        {WEEKDAYS.map((name, place) => (
          <span key={name} className={classes.weekday} style={{ gridRow: place + 2, gridColumn: 1 }}>
            {place % 2 === 0 ? name : ''}
          </span>
        ))}
        {simulation.days.map((day, place) => {
          const at = new Date(`${day.day}T00:00:00Z`)
          const first = new Date(`${simulation.days[0]?.day ?? day.day}T00:00:00Z`)
          const row = (at.getUTCDay() + 6) % 7
          const column = Math.floor((place + ((first.getUTCDay() + 6) % 7)) / 7) + 2
          return (
            <span
              key={day.day}
              className={classes.day}
              title={`${day.day}: ${plural(day.starts, 'start')}${day.usd ? `, about ${money(day.usd)}` : ''}`}
              style={{
                gridRow: row + 2,
                gridColumn: column,
                opacity: day.starts ? 0.25 + (0.75 * day.starts) / most : 1,
                background: day.starts ? 'var(--outcome-running)' : 'var(--surface-sunken)',
              }}
            />
          )
        })}
        {months(simulation).map(({ name, column }) => (
          <span key={`${name} ${column}`} className={classes.month} style={{ gridRow: 1, gridColumn: column }}>
            {name}
          </span>
        ))}
      </div>
      <Text size="sm">
        {plural(simulation.starts, 'start')} planned ({count(simulation.skipped)} skipped){spend > 0 && `, about ${money(spend)}`}; at most {simulation.most_in_a_minute} in one minute.
      </Text>
      {[...simulation.suggestions, ...simulation.unreadable].map((said) => (
        <Text key={said} size="sm" c="dimmed">
          {said}
        </Text>
      ))}
      <Collisions simulation={simulation} />
    </div>
  )
}

/** Where a month begins, by the column of its first day; the first one where there is room for its name. */
function months({ days }: SimulationView): { name: string; column: number }[] {
  const first = days[0] ? (new Date(`${days[0].day}T00:00:00Z`).getUTCDay() + 6) % 7 : 0
  return days.flatMap(({ day }, place) => {
    if (place > 0 && !day.endsWith('-01')) return []
    const column = Math.floor((place + first) / 7) + 2
    return [{ name: new Date(`${day}T00:00:00Z`).toLocaleString('en', { month: 'short', timeZone: 'UTC' }), column }]
  }).filter((one, place, all) => place > 0 || (all[1]?.column ?? 9) - one.column > 2)
}

const SHOWN = 8

function Collisions({ simulation }: { simulation: SimulationView }) {
  if (simulation.collisions.length === 0) return null
  return (
    <div className={table.wrap}>
      <table className={table.table} aria-label="What starts at the same minute" {...cards(['Every day at', '#Days', 'At the same minute'])}>
        <thead>
          <tr>
            <th scope="col">Every day at</th>
            <th scope="col" className={table.number}>
              Days
            </th>
            <th scope="col">At the same minute</th>
          </tr>
        </thead>
        <tbody>
          {simulation.collisions.slice(0, SHOWN).map((one) => (
            <tr key={`${one.at} ${one.triggers.join()}`}>
              <td>{one.at} UTC</td>
              <td className={table.number}>{one.days}</td>
              <td className={table.dim}>{one.triggers.join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {simulation.collisions.length > SHOWN && (
        <Text size="xs" c="dimmed" p="xs">
          And {plural(simulation.collisions.length - SHOWN, 'more time', 'more times')} of the day.
        </Text>
      )}
    </div>
  )
}
