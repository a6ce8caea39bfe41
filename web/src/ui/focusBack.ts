import { useEffect, useState } from 'react'

/** Gives the focus back to what had it when this came, once it is gone: for dialogs that are there only while they are open. */
export function useFocusBack(): void {
  const [before] = useState(() => document.activeElement)
  useEffect(
    () => () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true })
    },
    [before],
  )
}
