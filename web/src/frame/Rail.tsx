import { Badge, UnstyledButton, VisuallyHidden } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link, useLocation } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'

import { openAlarmsQuery } from '@/api/alarms'
import { approvalsQuery } from '@/api/queries'
import { IconChevronDown, IconMenu2 } from '@/ui/icons'
import { type Place, usePlaces } from './places'
import { ProjectSwitch } from './ProjectSwitch'
import classes from './Rail.module.css'

/** The project and its screens: a rail; on a telephone a bar with the four that are used on the way, and all of them behind *More*. */
export function Rail({ project }: { project: string }) {
  const counts = useCounts(project)
  const shown = usePlaces(project).filter(({ paletteOnly }) => !paletteOnly)
  const { pathname } = useLocation()
  // Opened for the screen on which it was opened: going to another one closes it.
  const [openedAt, setOpenedAt] = useState<string | null>(null)
  const open = openedAt === pathname
  const close = () => setOpenedAt(null)
  const rail = useRef<HTMLElement>(null)
  useHotkeys([['Escape', close]])
  useEffect(() => {
    const own = rail.current
    // Where nothing is hidden nothing is scrolled: Tab would begin there, and pass over what comes before it.
    if (own && own.scrollHeight > own.clientHeight) own.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest' })
  }, [pathname, rail])
  const behind = shown.filter(({ bar }) => !bar)
  const waiting = behind.reduce((sum, { name }) => sum + (counts[name] ?? 0), 0)
  return (
    <>
      {open && <div className={classes.shade} onClick={close} />}
      <nav ref={rail} className={classes.rail} data-open={open || undefined} aria-label="Screens">
        <ProjectSwitch project={project} />
        <ul className={classes.places}>
          {shown.map((place) => (
            <Item key={place.name} project={project} place={place} count={counts[place.name] ?? 0} />
          ))}
        </ul>
        <UnstyledButton
          className={classes.more}
          aria-expanded={open}
          data-active={(!open && behind.some(({ name }) => pathname.split('/')[3] === name)) || undefined}
          onClick={() => setOpenedAt(open ? null : pathname)}
        >
          {open ? <IconChevronDown size={20} aria-hidden /> : <IconMenu2 size={20} aria-hidden />}
          {open ? 'Close' : 'More'}
          {!open && waiting > 0 && (
            <>
              <span className={classes.dot} aria-hidden />
              <VisuallyHidden>{`, ${waiting} open`}</VisuallyHidden>
            </>
          )}
        </UnstyledButton>
      </nav>
    </>
  )
}

function Item({ project, place, count }: { project: string; place: Place; count: number }) {
  const { to, label, Icon, name, below, bar } = place
  return (
    <li data-below={below || undefined} data-bar={bar || undefined} className={classes.place}>
      <Link
        to={to}
        params={{ project }}
        className={classes.link}
        activeOptions={{ exact: name === 'home', includeSearch: false }}
        activeProps={{ 'data-active': true, 'aria-current': 'page' }}
        title={label}
      >
        <Icon size={18} aria-hidden />
        <span className={classes.label}>{label}</span>
        {count > 0 && (
          <Badge size="sm" circle={count < 10} className={classes.count} aria-label={`${count} ${name === 'alarms' ? 'open' : 'waiting'}`}>
            {count}
          </Badge>
        )}
      </Link>
    </li>
  )
}

/** What waits at a place, by its name. */
function useCounts(project: string): Record<string, number> {
  const waiting = useQuery(approvalsQuery(project, true))
  const alarms = useQuery(openAlarmsQuery(project))
  return { inbox: waiting.data?.length ?? 0, alarms: alarms.data?.items.filter(({ state }) => state === 'open').length ?? 0 }
}
