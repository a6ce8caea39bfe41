import { ActionIcon, Menu, Text, useMantineColorScheme } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import { meQuery } from '@/api/queries'
import { session } from '@/api/session'
import { IconDeviceDesktop, IconLogout, IconMoon, IconSun, IconUser } from '@/ui/icons'
import { failed } from '@/ui/toast'

/** Light, dark, or as the system. */
export function SchemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const Icon = { light: IconSun, dark: IconMoon, auto: IconDeviceDesktop }[colorScheme]
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Light or dark">
          <Icon size={17} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconSun size={15} />} onClick={() => setColorScheme('light')}>
          Light
        </Menu.Item>
        <Menu.Item leftSection={<IconMoon size={15} />} onClick={() => setColorScheme('dark')}>
          Dark
        </Menu.Item>
        <Menu.Item leftSection={<IconDeviceDesktop size={15} />} onClick={() => setColorScheme('auto')}>
          Like the system
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

/** Ends the session, forgets what was read in it, and goes to the door. */
export function useSignOut(): () => Promise<void> {
  const client = useQueryClient()
  const navigate = useNavigate()
  return async () => {
    try {
      await ask(api.DELETE('/api/v1/session'))
      session.left()
      client.clear()
      await navigate({ to: '/sign-in' })
    } catch (error) {
      failed(error)
    }
  }
}

/** Who is signed in, and the way out. */
export function PersonMenu() {
  const { data: me } = useQuery(meQuery)
  const signOut = useSignOut()
  const { project } = useParams({ strict: false })
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Your account">
          <IconUser size={17} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--text-strong)">
            <bdi>{me?.title ?? me?.name}</bdi>
          </Text>
          <Text size="xs">
            {me?.name} · {me?.server_role}
          </Text>
        </Menu.Label>
        {project && <Menu.Divider />}
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => void signOut()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
