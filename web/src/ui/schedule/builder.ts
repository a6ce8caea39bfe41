/** A schedule as the form holds it. */
export interface Form {
  rhythm: 'hourly' | 'daily' | 'weekly' | 'monthly' | 'every' | 'cron'
  at: string
  days: string[]
  /** `15m`, or a cron line. */
  text: string
  timezone: string
  from: string
  until: string
}

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** The schedule that a task file would hold. */
export function scheduleOf(form: Form): Record<string, unknown> {
  const window = form.from && form.until ? { window: { between: [form.from, form.until], on: 'mon-sun' } } : {}
  return { ...rule(form), timezone: form.timezone, ...window }
}

function rule({ rhythm, at, days, text }: Form): Record<string, unknown> {
  switch (rhythm) {
    case 'hourly':
      return { hourly: { at: `:${at.slice(3) || '00'}` } }
    case 'daily':
      return { daily: at }
    case 'weekly':
      return { weekly: { on: days.length ? days : ['mon'], at } }
    case 'monthly':
      return { monthly: { on: days.filter((day) => /^(last|\d+)$/.test(day)).map((day) => (day === 'last' ? day : Number(day))), at } }
    case 'every':
      return { every: text }
    case 'cron':
      return { cron: text }
  }
}
