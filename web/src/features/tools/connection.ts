import type { JsonValue, ToolServerView } from '@/api/generated/schema'

/** A header or a variable. */
export interface Pair {
  name: string
  value: string
}

/** What the form holds of a way to a tool server. */
export interface ConnectionFields {
  kind: 'http' | 'program'
  url: string
  /** Name of the secret. */
  bearer: string | null
  headers: Pair[]
  /** A person signs in (OAuth), in place of a token. */
  signIn: boolean
  scope: string
  clientId: string
  /** Name of the secret. */
  clientSecret: string | null
  command: string
  /** One a line. */
  args: string
  env: Pair[]
  folder: string
  memory: string
  cpu: string
  timeout: string
  start_timeout: string
  max_answer: string
  idle: string
  enabled: boolean
  projects: string[]
}

export const FIELDS = [
  'server', 'projects', 'connection.url', 'connection.bearer', 'connection.headers', 'connection.oauth', 'connection.command', 'connection.args',
  'connection.env', 'connection.folder', 'connection.memory', 'connection.cpu', 'connection.timeout',
  'connection.start_timeout', 'connection.max_answer', 'connection.idle',
] as const

export const NEW_CONNECTION: ConnectionFields = {
  kind: 'http',
  url: '',
  bearer: null,
  headers: [],
  signIn: false,
  scope: '',
  clientId: '',
  clientSecret: null,
  command: '',
  args: '',
  env: [],
  folder: '',
  memory: '',
  cpu: '',
  timeout: '',
  start_timeout: '',
  max_answer: '',
  idle: '',
  enabled: true,
  projects: [],
}

type Kept = Record<string, JsonValue>

export function fieldsOf(server: ToolServerView): ConnectionFields {
  const way: Kept = server.connection
  const oauth = (way.oauth ?? null) as Kept | null
  const text = (name: string) => (way[name] === undefined || way[name] === null ? '' : String(way[name]))
  return {
    ...NEW_CONNECTION,
    kind: way.kind === 'program' ? 'program' : 'http',
    url: text('url'),
    bearer: text('bearer').replace(/^secret:/, '') || null,
    headers: pairs(way.headers),
    signIn: oauth !== null,
    scope: String(oauth?.scope ?? ''),
    clientId: String(oauth?.client_id ?? ''),
    clientSecret: String(oauth?.client_secret ?? '').replace(/^secret:/, '') || null,
    command: text('command'),
    args: Array.isArray(way.args) ? way.args.join('\n') : '',
    env: pairs(way.env),
    folder: text('folder'),
    memory: way.memory ? sizeOf(Number(way.memory)) : '',
    cpu: durationOf(text('cpu')),
    timeout: durationOf(text('timeout')),
    start_timeout: durationOf(text('start_timeout')),
    max_answer: way.max_answer ? sizeOf(Number(way.max_answer)) : '',
    idle: durationOf(text('idle')),
    enabled: server.enabled,
    projects: [...(server.projects ?? [])],
  }
}

/** As the API takes it; what is left empty is as the docs say. */
export function connectionOf(fields: ConnectionFields): Kept {
  const bounds = { timeout: fields.timeout, start_timeout: fields.start_timeout, max_answer: fields.max_answer, idle: fields.idle }
  const way: Kept =
    fields.kind === 'http'
      ? { kind: 'http', url: fields.url, headers: mapOf(fields.headers), ...tokenOf(fields) }
      : {
          kind: 'program',
          command: fields.command,
          args: fields.args.split('\n').filter((line) => line !== ''),
          env: mapOf(fields.env),
          folder: fields.folder,
          memory: fields.memory,
          cpu: fields.cpu,
        }
  return Object.fromEntries(Object.entries({ ...way, ...bounds }).filter(([, value]) => value !== '' && value !== null))
}

function tokenOf(fields: ConnectionFields): Kept {
  if (!fields.signIn) return { bearer: fields.bearer && `secret:${fields.bearer}` }
  const oauth = { scope: fields.scope, client_id: fields.clientId, client_secret: fields.clientSecret && `secret:${fields.clientSecret}` }
  return { oauth: Object.fromEntries(Object.entries(oauth).filter(([, value]) => value)) }
}

/** Where it is, in one line. */
export function addressOf({ connection }: ToolServerView): string {
  const way: Kept = connection
  if (way.kind === 'http') return String(way.url)
  return [way.command, ...(Array.isArray(way.args) ? way.args : [])].map(String).join(' ')
}

const mapOf = (list: readonly Pair[]): Kept => Object.fromEntries(list.filter(({ name }) => name).map(({ name, value }) => [name, value]))

function pairs(map: JsonValue | undefined): Pair[] {
  if (map === null || typeof map !== 'object' || Array.isArray(map)) return []
  return Object.entries(map).map(([name, value]) => ({ name, value: String(value) }))
}

/** `PT1M30S`, as it is kept, as people write it: `1m30s`. */
export function durationOf(kept: string): string {
  const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(kept)
  if (!found) return kept
  const parts = (['d', 'h', 'm', 's'] as const).map((unit, place) => [found[place + 1], unit] as const)
  return parts.map(([number, unit]) => (number ? `${number}${unit}` : '')).join('')
}

/** Bytes as people write them, without loss. */
export function sizeOf(bytes: number): string {
  const units = ['GiB', 'MiB', 'KiB'] as const
  const at = units.findIndex((_, place) => bytes % 1024 ** (3 - place) === 0 && bytes > 0)
  return at < 0 ? `${bytes}B` : `${bytes / 1024 ** (3 - at)}${units[at]}`
}
