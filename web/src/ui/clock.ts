import { startTransition, useEffect, useState } from 'react'

type Hear = (now: number) => void

/** One timer for all that is told anew every so often, however many rows a list has; what the hand does goes first. */
class Clock {
  private readonly heard = new Set<Hear>()
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(private readonly everyMs: number) {}

  tell(hear: Hear): () => void {
    this.heard.add(hear)
    this.timer ??= setInterval(() => startTransition(() => this.heard.forEach((one) => one(Date.now()))), this.everyMs)
    return () => {
      this.heard.delete(hear)
      if (this.heard.size > 0) return
      clearInterval(this.timer)
      this.timer = undefined
    }
  }
}

const clocks = new Map<number, Clock>()

function clockOf(everyMs: number): Clock {
  const known = clocks.get(everyMs) ?? new Clock(everyMs)
  clocks.set(everyMs, known)
  return known
}

/** The time now in ms since 1970, told anew every so often; null: never anew. */
export function useNow(everyMs: number | null): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => (everyMs === null ? undefined : clockOf(everyMs).tell(setNow)), [everyMs])
  return now
}
