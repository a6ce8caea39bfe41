import { getRouteApi } from '@tanstack/react-router'

import { AuditLog } from './AuditLog'

const route = getRouteApi('/inside/p/$project/audit')

/** The audit log of a project. */
export function AuditScreen() {
  const { project } = route.useParams()
  return <AuditLog project={project} search={route.useSearch()} />
}
