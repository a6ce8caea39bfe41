import { useQuery } from '@tanstack/react-query'

import { meQuery, projectQuery } from '@/api/queries'

/** What the reader may do in a project, by the name of the right. Until it is known: nothing. */
export function useMay(project: string): (right: string) => boolean {
  const { data } = useQuery(projectQuery(project))
  return (right) => data?.rights.includes(right) ?? false
}

/** Whether the reader is an administrator of the server. */
export function useIsAdmin(): boolean {
  return useQuery(meQuery).data?.server_role === 'admin'
}
