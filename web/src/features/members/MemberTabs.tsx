import { SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { meQuery } from '@/api/queries'

/** Between who is in the project and the accounts of the server, for those who may see these. */
export function MemberTabs({ project, shown }: { project: string; shown: 'members' | 'accounts' }) {
  const { data: me } = useQuery(meQuery)
  const navigate = useNavigate()
  if (!me || me.server_role === 'member') return null
  return (
    <SegmentedControl
      aria-label="Members or accounts"
      size="xs"
      data={[
        { value: 'members', label: 'Members' },
        { value: 'accounts', label: 'Accounts of the server' },
      ]}
      value={shown}
      onChange={(chosen) =>
        void navigate({ to: chosen === 'members' ? '/p/$project/members' : '/p/$project/members/accounts', params: { project } })
      }
    />
  )
}
