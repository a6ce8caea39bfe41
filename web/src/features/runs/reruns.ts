/** What the API takes in the place of a step: begin with whatever failed. */
export const FAILED = '@failed'

/** How a rerun is told of, before the words for the run that it repeats. */
export function rerunOf(from: string | null) {
  if (from === FAILED) return 'rerun of what failed in'
  return from ? `rerun from ${from} of` : 'rerun of'
}
