import { stringify } from 'yaml'

import type { JsonValue, RunView, StepView } from '@/api/generated/schema'

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

/** Kinds of steps that touch the outside: in a test a stub answers for them. */
const OUTSIDE = new Set(['tool', 'agent', 'run', 'wait_for', 'approve', 'notify'])

export const isOutside = (step: StepView): boolean => OUTSIDE.has(step.kind)

/** Steps that a test of the run needs an answer for. */
export const answersNeeded = (run: RunView): StepView[] =>
  run.steps.filter((step) => isOutside(step) && step.status === 'succeeded')

/**
 * A test for the task's file, under `tests:`, in which this run's outside answers as it did. `read` are outputs that
 * were left out of the run, by the path of their step; what is in neither has no stub.
 */
export function asTest(run: RunView, read: ReadonlyMap<string, JsonValue>): string {
  const stub = Object.fromEntries(
    answersNeeded(run)
      .filter((step) => !step.output_size || read.has(step.path))
      .map((step) => [step.path, read.get(step.path) ?? step.output]),
  )
  const test = {
    name: `as in run ${run.id.slice(-8)}`,
    ...(Object.keys(run.arguments).length ? { arguments: run.arguments } : {}),
    ...(Object.keys(stub).length ? { stub } : {}),
    ...(run.started_at ? { now: run.started_at } : {}),
    expect: expected(run),
  }
  return stringify([test], { lineWidth: 0 })
}

function expected(run: RunView): Record<string, JsonValue> {
  const status = ['succeeded', 'failed', 'timed_out'].includes(run.status) ? { status: run.status } : {}
  const broken = run.steps.find(({ path }) => path === run.error?.step)
  // What the outside answered when it failed is no stub; the test fails there too, but says it in its own words.
  if (run.error && broken && !isOutside(broken)) return { ...status, error: run.error.message }
  const plain = run.status === 'succeeded' && !run.output_size && !JSON.stringify(run.output ?? null).includes('{{')
  return plain ? { ...status, output: run.output ?? null } : status
}
