import { Tabs } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'

import { Screen } from '@/ui/Screen'
import { Channels } from './Channels'
import { Episodes } from './Episodes'
import { Rules } from './Rules'
import { type Tab, TABS } from './search'

const route = getRouteApi('/inside/p/$project/alarms')
const LABELS: Record<Tab, string> = { episodes: 'Alarms', channels: 'Channels', rules: 'What is watched' }

/** What is wrong with tasks, whom it is told, and when. */
export function AlarmsScreen() {
  const { project } = route.useParams()
  const { tab = 'episodes' } = route.useSearch()
  const navigate = useNavigate()
  const show = (chosen: string | null) => {
    const wanted = TABS.find((one) => one === chosen)
    void navigate({ to: '.', search: { tab: wanted === 'episodes' ? undefined : wanted } })
  }
  return (
    <Screen title="Alarms">
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="md">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {LABELS[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="episodes">
          <Episodes project={project} />
        </Tabs.Panel>
        <Tabs.Panel value="channels">
          <Channels project={project} />
        </Tabs.Panel>
        <Tabs.Panel value="rules">
          <Rules project={project} />
        </Tabs.Panel>
      </Tabs>
    </Screen>
  )
}
