import { createContext, useContext } from 'react'

/** Where cards lie. */
export interface DeskValue {
  project: string
  thread: string
  /** The reader is who talks here: only the owner's click counts. */
  mine: boolean
  /** Reads the thread again. */
  reread: () => void
}

const Context = createContext<DeskValue | null>(null)

export const Desk = Context.Provider

export function useDesk(): DeskValue {
  const desk = useContext(Context)
  if (!desk) throw new Error('A card lies in a thread.')
  return desk
}
