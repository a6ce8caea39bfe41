import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { meQuery, projectQuery } from '@/api/queries'
import { IconLock } from './icons'
import { Answered, Empty } from './states'

interface OnlyProps {
  project: string
  /** The right in the project that it takes. None: only administrators of the server may. */
  right: string | null
  children: ReactNode
}

/** Shows its content to those who may use it; others are told whom to ask. */
export function Only({ project, right, children }: OnlyProps) {
  const rights = useQuery(projectQuery(project))
  const me = useQuery(meQuery)
  const who = right === null ? 'an administrator of the server' : `an owner of project ${project}`
  return (
    <Answered query={rights}>
      {(own) => {
        if (right === null ? me.data?.server_role === 'admin' : own.rights.includes(right)) return children
        return (
          <Empty title="You may not do this" action={<IconLock size={24} aria-hidden />}>
            Ask {who} to do it, or to give you the role for it.
          </Empty>
        )
      }}
    </Answered>
  )
}
