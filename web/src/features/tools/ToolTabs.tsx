import { SegmentedControl } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'

/** Between what can be granted and the servers that some of it comes from. */
export function ToolTabs({ project, shown }: { project: string; shown: 'tools' | 'servers' }) {
  const navigate = useNavigate()
  return (
    <SegmentedControl
      aria-label="Tools or tool servers"
      size="xs"
      data={[
        { value: 'tools', label: 'Tools' },
        { value: 'servers', label: 'Tool servers' },
      ]}
      value={shown}
      onChange={(chosen) =>
        void navigate({ to: chosen === 'tools' ? '/p/$project/tools' : '/p/$project/tools/servers', params: { project } })
      }
    />
  )
}
