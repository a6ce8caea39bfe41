import { Button, type ButtonProps } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'

import { Confirm } from './Confirm'
import { done } from './toast'

interface RemovalProps {
  /** The verb on the button. */
  label: string
  /** The question, such as `Forget KEY?`. */
  title: string
  /** The verb of the answer. */
  act?: string
  /** What will happen, and whether it can be taken back. */
  children: ReactNode
  remove: () => Promise<unknown>
  /** What was done, in a sentence. */
  said: string
  /** First words of the keys of what is out of date then. */
  stale: readonly string[]
  then?: () => void
  size?: ButtonProps['size']
}

/** A button that removes something, and asks before it does. */
export function Removal({ label, title, act = label, children, remove, said, stale, then, size = 'compact-xs' }: RemovalProps) {
  const [asking, setAsking] = useState(false)
  const client = useQueryClient()
  const confirmed = async () => {
    await remove()
    done(said)
    then?.()
    await client.invalidateQueries({ predicate: ({ queryKey }) => stale.includes(String(queryKey[0])) })
  }
  return (
    <>
      <Button size={size ?? 'compact-xs'} variant="default" onClick={() => setAsking(true)}>
        {label}
      </Button>
      {asking && (
        <Confirm title={title} act={act} onConfirm={confirmed} close={() => setAsking(false)}>
          {children}
        </Confirm>
      )}
    </>
  )
}
