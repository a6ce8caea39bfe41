import { Spotlight, spotlight } from '@mantine/spotlight'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import type { TaskView } from '@/api/generated/schema'
import { tasksQuery } from '@/api/queries'
import { IconListCheck, IconPlayerPlayFilled, IconSearch } from '@/ui/icons'
import { PLACES, usePlaces } from './places'

export const openPalette = (): void => spotlight.open()

const MOST = 8

interface Known {
  id: string
  label: string
  description?: string | undefined
  Icon: (typeof PLACES)[number]['Icon']
  go: () => void
}

interface Entry extends Known {
  /** What is looked through. */
  text: string
}

/** Ctrl K: every screen, every task, and running a task, by a few letters. */
export function Palette({ project }: { project: string }) {
  const [sought, setSought] = useState('')
  const entries = useEntries(project)
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean)
  const found = words.length ? entries.filter(({ text }) => words.every((word) => text.includes(word))) : entries
  return (
    <Spotlight.Root
      query={sought}
      onQueryChange={setSought}
      shortcut={['mod + K', 'mod + P']}
      scrollable
      maxHeight={420}
      transitionProps={{ duration: 80 }}
    >
      <Spotlight.Search
        placeholder="Go to a screen, find or run a task"
        aria-label="Search"
        leftSection={<IconSearch size={16} aria-hidden />}
      />
      <Spotlight.ActionsList>
        {found.slice(0, words.length ? 30 : PLACES.length + MOST).map(({ id, label, description, Icon, go }) => (
          <Spotlight.Action
            key={id}
            label={label}
            description={description}
            leftSection={<Icon size={17} aria-hidden />}
            onClick={go}
          />
        ))}
        {found.length === 0 && <Spotlight.Empty>Nothing has this name. Runs are found by id: paste one.</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  )
}

function useEntries(project: string): Entry[] {
  const navigate = useNavigate()
  const { data: tasks } = useQuery(tasksQuery(project))
  const places = usePlaces(project).map<Known>(({ name, label, to, Icon }) => ({
    id: name,
    label,
    Icon,
    go: () => void navigate({ to, params: { project } }),
  }))
  const ofTasks = useMemo(() => entriesOf(project, tasks ?? [], navigate), [project, tasks, navigate])
  return [...places.map(withText), ...ofTasks]
}

type Navigate = ReturnType<typeof useNavigate>

const withText = (one: Known): Entry => ({ ...one, text: `${one.label} ${one.description ?? ''}`.toLowerCase() })

/** Made once for the tasks that there are: there may be thousands, and every letter looks through them. */
function entriesOf(project: string, tasks: readonly TaskView[], navigate: Navigate): Entry[] {
  const open = tasks.map<Known>(({ name, title, description }) => ({
    id: `task ${name}`,
    label: title ?? name,
    description: title ? `${name} · ${description}` : description,
    Icon: IconListCheck,
    go: () => void navigate({ to: '/p/$project/tasks/$task', params: { project, task: name } }),
  }))
  const start = tasks.map<Known>(({ name, title }) => ({
    id: `run ${name}`,
    label: `Run ${title ?? name}`,
    Icon: IconPlayerPlayFilled,
    go: () => void navigate({ to: '/p/$project/tasks/$task/run', params: { project, task: name } }),
  }))
  return [...open, ...start].map(withText)
}
