export interface Progress {
  done: number
  /** What went wrong, by the thing that it was done to. */
  failures: Map<string, unknown>
}

interface Turns {
  /** So many at the same time. */
  atOnce?: number
  onProgress?: (progress: Progress) => void
  /** Nothing more is begun once it says so. */
  stopped?: () => boolean
}

/** Does something to many things, a few at a time; one that fails keeps none of the others from being done. */
export async function inTurns(
  things: readonly string[],
  act: (thing: string) => Promise<unknown>,
  { atOnce = 4, onProgress, stopped }: Turns = {},
): Promise<Progress> {
  const left = [...things]
  const progress: Progress = { done: 0, failures: new Map() }
  const work = async () => {
    for (let thing = left.shift(); thing !== undefined && !stopped?.(); thing = left.shift()) {
      try {
        await act(thing)
      } catch (error) {
        progress.failures.set(thing, error)
      }
      progress.done += 1
      onProgress?.({ done: progress.done, failures: new Map(progress.failures) })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return progress
}
