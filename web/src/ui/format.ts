/** `0.2 s`, `41 s`, `2 min 10 s`, `3 h 02 min`, `5 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds === 0) return '0 s'
  if (seconds < 0.001) return '<1 ms'
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`
}

const UNITS = [['d', 86_400], ['h', 3600], ['m', 60], ['s', 1]] as const

/** Seconds as people write them into a field: `1h30m`. */
export function written(seconds: number): string {
  let left = seconds
  let text = ''
  for (const [unit, length] of UNITS) {
    const number = unit === 's' ? left : Math.floor(left / length)
    if (number) text += `${number}${unit}`
    left -= number * length
  }
  return text || '0s'
}

/** Seconds between two moments; until now where there is no second. */
export const secondsBetween = (start: string, end: string | null, now = Date.now()): number =>
  Math.max(0, ((end ? Date.parse(end) : now) - Date.parse(start)) / 1000)

export function money(usd: number): string {
  if (usd === 0) return '$0'
  return usd < 1 ? `$${usd.toPrecision(2)}` : `$${usd.toFixed(2)}`
}

/** As prices are written: `$0.60`, `$10`, and every digit of what is less than a cent. */
export const price = (usd: number): string => (Number.isInteger(usd) ? `$${usd}` : `$${usd.toFixed(Number.isInteger(usd * 100) ? 2 : 4)}`)

const rounded = (number: number): string => number.toFixed(1).replace('.0', '')

export function count(number: number): string {
  if (number < 10_000) return number.toLocaleString('en')
  if (number < 999_950) return `${rounded(number / 1000)}k`
  return `${rounded(number / 1_000_000)}M`
}

/** What went wrong without the line of code at which it did: `the shop answered 500`. */
export const inShort = (message: string): string => message.replace(/^`[^\n]*` \(line \d+, column \d+\) failed: (?:\w+: )?/, '')

/** `cancelled by ana` of `cancelled by user:ana`. */
export const plainly = (text: string): string => text.replace(/\buser:/g, '')

const BROWSERS = [['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']] as const
const SYSTEMS = [['Android', 'Android'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Windows', 'Windows'], ['Mac OS', 'macOS'], ['Linux', 'Linux']] as const

/** `Firefox on Windows`, of what a browser says that it is; what is not known stays as it was said. */
export function browserOf(agent: string): string {
  const [name, system] = [BROWSERS, SYSTEMS].map((known) => known.find(([mark]) => agent.includes(mark))?.[1])
  return name && system ? `${name} on ${system}` : agent
}

export function bytes(size: number): string {
  if (size < 1024) return `${size} B`
  if (size < 1024 ** 2) return `${(size / 1024).toFixed(1)} KiB`
  return `${(size / 1024 ** 2).toFixed(1)} MiB`
}

/** The first line of a Markdown text, without its marks. */
export const firstLine = (text: string): string => text.trim().split('\n', 1)[0]?.replace(/[#*_`>]/g, '').trim() ?? ''

export const plural = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`

/** `12 s ago`, `in 3 h`, `2 d ago`. */
export function relative(moment: string, now = Date.now()): string {
  const seconds = (Date.parse(moment) - now) / 1000
  const away = Math.abs(seconds)
  if (away < 5) return 'just now'
  const text =
    away < 60
      ? `${Math.round(away)} s`
      : away < 3600
        ? `${Math.round(away / 60)} min`
        : away < 86_400
          ? `${Math.round(away / 3600)} h`
          : `${Math.round(away / 86_400)} d`
  return seconds < 0 ? `${text} ago` : `in ${text}`
}

/** `run_0192…9d0e1f`: what tells ids apart stands at their end. */
export const shortId = (id: string): string => id.slice(-8)

const formats = new Map<string, Intl.DateTimeFormat>()

/** A moment in a zone: `2026-11-25 09:00:12`. */
export function inZone(moment: string | number | Date, zone: string, withSeconds = true): string {
  const key = `${zone} ${withSeconds}`
  let format = formats.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      dateStyle: 'short',
      timeStyle: withSeconds ? 'medium' : 'short',
    })
    formats.set(key, format)
  }
  return format.format(new Date(moment))
}

/** The same with its day of the week, for what is planned: `Mon 2026-11-30 07:00`. */
export function dayInZone(moment: string | number | Date, zone: string): string {
  const day = new Date(moment).toLocaleDateString('en-GB', { weekday: 'short', timeZone: zone })
  return `${day} ${inZone(moment, zone, false)}`
}
