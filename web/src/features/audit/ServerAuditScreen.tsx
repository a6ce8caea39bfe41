import { getRouteApi } from '@tanstack/react-router'

import { Yard } from '@/frame/Yard'
import { AuditLog } from './AuditLog'

const route = getRouteApi('/inside/audit')

/** The audit log of the whole server, for who looks it through without being in any project. */
export function ServerAuditScreen() {
  return (
    <Yard>
      <AuditLog search={route.useSearch()} />
    </Yard>
  )
}
