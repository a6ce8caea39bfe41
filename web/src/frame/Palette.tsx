import { Spotlight, spotlight } from '@mantine/spotlight'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, memo, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'

import type { TaskView } from '@/api/generated/schema'
import { tasksLikeQuery } from '@/api/queries'
import { shortId } from '@/ui/format'
import { IconHistory, IconListCheck, IconPlayerPlayFilled, IconSearch } from '@/ui/icons'
import classes from './Palette.module.css'
import { PLACES, usePlaces } from './places'

export const openPalette = (): void => spotlight.open()

/** Tasks that are shown while nothing is sought, and at most. */
const FEW = 8
const MOST = 12
/** A run's id, or the end of one as lists show it. */
const RUN = /^(run_)?(?=[0-9a-f]*\d)[0-9a-f]{6,32}$/

interface Entry {
  id: string
  label: string
  description?: string | undefined
  Icon: (typeof PLACES)[number]['Icon']
  /** What tells its `go` from others. */
  address: string
  go: () => void
}

/** Ctrl K: every screen, every task, running a task, and a run by its id. */
export function Palette({ project }: { project: string }) {
  const [sought, setSought] = useState('')
  // Enter that comes before the list does waits for it, and never takes what stands there from before.
  const [entered, setEntered] = useState(false)
  const settled = useRef(true)
  const settle = useCallback((now: boolean) => void (settled.current = now), [])
  const hold = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || settled.current) return
    event.preventDefault()
    event.stopPropagation()
    setEntered(true)
  }
  return (
    <Spotlight.Root
      query={sought}
      onQueryChange={(query) => {
        settle(false)
        setSought(query)
        setEntered(false)
      }}
      shortcut={['mod + K', 'mod + P']}
      scrollable
      centered={false}
      yOffset="12dvh"
      maxHeight={420}
      transitionProps={{ duration: 80 }}
      overlayProps={{ blur: 0, backgroundOpacity: 0.4 }}
    >
      <div onKeyDownCapture={hold}>
        <Spotlight.Search
          placeholder="Go to a screen, find or run a task"
          aria-label="Search"
          leftSection={<IconSearch size={16} aria-hidden />}
        />
      </div>
      <Found project={project} sought={sought} entered={entered} settle={settle} />
    </Spotlight.Root>
  )
}

/** What fits; there only while the palette is open. Typing is shown at once, the list follows when there is time. */
function Found({ project, sought, entered, settle }: { project: string; sought: string; entered: boolean; settle: (now: boolean) => void }) {
  const deferred = useDeferredValue(sought)
  const words = deferred.toLowerCase().split(/\s+/).filter(Boolean)
  const places = usePlacesLike(project, words)
  const [ofTasks, seeking] = useTasksLike(project, words)
  const run = useRun(project, words)
  const found = [...places, ...run, ...ofTasks].slice(0, words.length ? MOST : PLACES.length + FEW)
  const settled = deferred === sought && !seeking
  useEffect(() => settle(settled), [settle, settled, sought])
  const first = found[0]
  useEffect(() => {
    if (!entered || !settled || !first) return
    spotlight.close()
    first.go()
  }, [entered, settled, first])
  return (
    <Spotlight.ActionsList>
      {found.map((entry) => (
        <Offered key={entry.id} entry={entry} />
      ))}
      {found.length === 0 && <Spotlight.Empty>Nothing has this name. A run is found by its id: paste it.</Spotlight.Empty>}
    </Spotlight.ActionsList>
  )
}

/** Drawn anew only where another entry stands in its place. */
const Offered = memo(
  function Offered({ entry: { label, description, Icon, go } }: { entry: Entry }) {
    return <Spotlight.Action label={label} description={description} classNames={{ actionBody: classes.body, actionLabel: classes.described, actionDescription: classes.described }} leftSection={<Icon size={17} aria-hidden />} onClick={go} />
  },
  ({ entry: one }, { entry: other }) => one.label === other.label && one.description === other.description && one.address === other.address,
)

function usePlacesLike(project: string, words: readonly string[]): Entry[] {
  const navigate = useNavigate()
  return usePlaces(project)
    .filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)))
    .map(({ name, label, to, Icon }) => ({ id: name, label, Icon, address: `${project} ${to}`, go: () => void navigate({ to, params: { project } }) }))
}

function useRun(project: string, words: readonly string[]): Entry[] {
  const navigate = useNavigate()
  const [id = ''] = words
  if (words.length !== 1 || !RUN.test(id)) return []
  const go = () => void navigate({ to: '/p/$project/runs/$run', params: { project, run: id } })
  return [{ id: 'run', label: `Open the run ${shortId(id)}`, Icon: IconHistory, address: `${project} ${id}`, go }]
}

/** Opening a task, and running it: `run` before its name asks for that alone. The server seeks: there may be thousands. */
function useTasksLike(project: string, words: readonly string[]): [entries: Entry[], seeking: boolean] {
  const navigate = useNavigate()
  const running = words[0] === 'run'
  const asked = running ? words.slice(1) : words
  const { data: tasks, isFetching } = useQuery(tasksLikeQuery(project, asked.join(' '), words.length ? MOST : FEW))
  const entries = useMemo(() => {
    const open = (tasks ?? []).map((task) => opening(project, task, () => void navigate({ to: '/p/$project/tasks/$task', params: { project, task: task.name } })))
    const start = (tasks ?? []).map((task) => starting(project, task, () => void navigate({ to: '/p/$project/tasks/$task/run', params: { project, task: task.name } })))
    return running ? [...start, ...open] : [...open, ...start]
  }, [project, tasks, running, navigate])
  return [entries, isFetching]
}

const opening = (project: string, { name, title, description }: TaskView, go: () => void): Entry => ({
  id: `task ${name}`,
  label: title ?? name,
  description: title ? `${name} · ${description}` : description,
  Icon: IconListCheck,
  address: `${project} ${name}`,
  go,
})

const starting = (project: string, { name, title }: TaskView, go: () => void): Entry => ({
  id: `run ${name}`,
  label: `Run ${title ?? name}`,
  Icon: IconPlayerPlayFilled,
  address: `${project} ${name}`,
  go,
})
