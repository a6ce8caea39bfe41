import { Button, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { meQuery } from '@/api/queries'
import { Door } from '@/features/doors/Door'
import { useSignOut } from '@/frame/menus'

/** Somebody who is a member of no project. Who looks the server through has the audit log without being in one. */
export function NoProject() {
  const { data: me } = useQuery(meQuery)
  const signOut = useSignOut()
  return (
    <Door
      title="You are in no project yet"
      about="Ask the owner of a project, or an administrator, to make you a member. Then come back to this address."
    >
      <Stack gap="xs">
        {me && me.server_role !== 'member' && (
          <Button component={Link} to="/audit">
            Open the audit log
          </Button>
        )}
        <Button variant="default" onClick={() => void signOut()}>
          Sign out
        </Button>
      </Stack>
    </Door>
  )
}
