import { useQuery } from '@tanstack/react-query'

import { meQuery } from '@/api/queries'

/** Whether something belongs to the reader, by the reference of its owner. */
export function useMine(): (owner: string) => boolean {
  const { data: me } = useQuery(meQuery)
  return (owner) => me !== undefined && owner === `user:${me.name}`
}
