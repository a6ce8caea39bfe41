import type { RunView, StepView } from '@/api/generated/schema'
import { FAILED } from './reruns'

/**
 * The steps before a step whose output can be written anew: not those around it, which would not be entered then, and
 * not what people answered.
 */
export function editableBefore(run: RunView, from: string): StepView[] {
  const place = run.steps.findIndex(({ path }) => path === from)
  const before = from === FAILED ? run.steps.filter(({ path }) => !run.steps.some((one) => isAround(path, one.path))) : run.steps.slice(0, Math.max(place, 0))
  return before.filter(({ path, kind, status }) => !isAround(path, from) && kind !== 'approve' && status !== 'skipped')
}

const isAround = (path: string, inner: string): boolean => inner.startsWith(`${path}[`) || inner.startsWith(`${path}.`)
