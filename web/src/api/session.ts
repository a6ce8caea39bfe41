import { useSyncExternalStore } from 'react'

interface Standing {
  /** The session has ended while the page was open. */
  signedOut: boolean
  /** The server does not answer. */
  offline: boolean
}

let standing: Standing = { signedOut: false, offline: false }
/** A 401 before anybody was known is no session that has ended. */
let wasSignedIn = false
const listeners = new Set<() => void>()

function become(change: Partial<Standing>): void {
  const next = { ...standing, ...change }
  if (next.signedOut === standing.signedOut && next.offline === standing.offline) return
  standing = next
  listeners.forEach((tell) => tell())
}

/** How this page stands with the server. */
export const session = {
  began(): void {
    wasSignedIn = true
    become({ signedOut: false, offline: false })
  },
  ended(): void {
    if (wasSignedIn) become({ signedOut: true })
  },
  left(): void {
    wasSignedIn = false
    become({ signedOut: false })
  },
  lost(): void {
    become({ offline: true })
  },
  reached(): void {
    become({ offline: false })
  },
}

export function useStanding(): Standing {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell)
      return () => listeners.delete(tell)
    },
    () => standing,
  )
}
