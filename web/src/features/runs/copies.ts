import type { JsonValue, RunView } from '@/api/generated/schema'

/** A POSIX shell takes this as one word, whatever it holds. */
const quoted = (text: string): string => (/^[\w./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/** The request that starts the same run. The token comes from the environment: it is never copied. */
export function asCurl(origin: string, project: string, run: RunView): string {
  const address = `${origin}/api/v1/projects/${encodeURIComponent(project)}/tasks/${encodeURIComponent(run.task)}/runs`
  const body = JSON.stringify({ arguments: run.arguments, version: run.version })
  return [
    `curl -X POST ${quoted(address)}`,
    '-H "Authorization: Bearer $ERRANDS_TOKEN"',
    "-H 'Content-Type: application/json'",
    `-d ${quoted(body)}`,
  ].join(' \\\n  ')
}

/** The command that starts the same run. */
export function asCli(project: string, run: RunView): string {
  const given = Object.entries(run.arguments).map(([name, value]) => `-p ${quoted(`${name}=${asText(value)}`)}`)
  return ['errands run', quoted(run.task), '--project', quoted(project), ...given, '--follow'].join(' ')
}

const asText = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value))
