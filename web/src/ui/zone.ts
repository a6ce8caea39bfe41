import { createContext, useContext } from 'react'

export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The reader's zone, told once for every moment of a screen. */
export const Zone = createContext(browserZone)

/** The reader's zone: the one of the account, or else the browser's. */
export const useZone = (): string => useContext(Zone)
