import { Badge, Group, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, Outlet, useLocation } from '@tanstack/react-router'
import { Suspense, useEffect, useRef } from 'react'

import { openAlarmsQuery } from '@/api/alarms'
import { Refusal } from '@/api/client'
import { useProjectChanges } from '@/api/live'
import { approvalsQuery, meQuery, projectQuery } from '@/api/queries'
import { useStanding } from '@/api/session'
import { IconSearch } from '@/ui/icons'
import { Failure } from '@/ui/states'
import { browserZone, Zone } from '@/ui/zone'
import { Crumbs } from './Crumbs'
import classes from './Frame.module.css'
import { lastProject } from './lastProject'
import { PersonMenu, SchemeSwitch } from './menus'
import { usePlaces } from './places'
import { openPalette, Palette } from './Palette'
import { ProjectSwitch } from './ProjectSwitch'
import { RunningPill } from './RunningPill'
import { SignInAgain } from './SignInAgain'

const route = getRouteApi('/inside/p/$project')

/** What stands around every screen: the rail, the breadcrumb, the palette, and what must be told at once. */
export function Frame() {
  const { project } = route.useParams()
  const found = useQuery(projectQuery(project))
  const { data: me } = useQuery(meQuery)
  const standing = useStanding()
  useProjectChanges(project)
  useEffect(() => {
    if (found.data) lastProject.set(project)
  }, [project, found.data])
  return (
    <Zone value={me?.timezone ?? browserZone}>
      <div className={classes.frame}>
        <a href="#content" className={classes.skip}>
          Skip to content
        </a>
        <Rail project={project} />
        <div className={classes.body}>
          {standing.offline && (
            <div className={classes.offline} role="status">
              The server does not answer. What you see is from before; it is tried again by itself.
            </div>
          )}
          <header className={classes.top}>
            <Crumbs />
            <Group gap="xs" ms="auto" wrap="nowrap">
              <RunningPill project={project} />
              <UnstyledButton className={classes.search} onClick={openPalette}>
                <IconSearch size={15} aria-hidden />
                <span className={classes.searchText}>Search</span>
                <kbd className={classes.key}>Ctrl K</kbd>
              </UnstyledButton>
              <SchemeSwitch />
              <PersonMenu />
            </Group>
          </header>
          <main id="content" className={classes.content} tabIndex={-1}>
            {found.isError && (!found.data || found.error instanceof Refusal) ? (
              <div className={classes.failure}>
                <Failure error={found.error} retry={() => void found.refetch()} />
              </div>
            ) : (
              <Suspense>
                <Outlet />
              </Suspense>
            )}
          </main>
        </div>
        <Palette project={project} />
        <SignInAgain />
      </div>
    </Zone>
  )
}

function Rail({ project }: { project: string }) {
  const waiting = useQuery(approvalsQuery(project, true))
  const alarms = useQuery(openAlarmsQuery(project))
  const unseen = alarms.data?.items.filter(({ state }) => state === 'open').length ?? 0
  const counts: Record<string, number> = { inbox: waiting.data?.length ?? 0, alarms: unseen }
  const shown = usePlaces(project).filter(({ paletteOnly }) => !paletteOnly)
  // On a telephone the rail is a bar that scrolls.
  const rail = useRef<HTMLElement>(null)
  const { pathname } = useLocation()
  useEffect(() => {
    const own = rail.current
    if (!own) return
    // Where nothing is hidden nothing is scrolled: Tab would begin there, and pass over what comes before it.
    if (own.scrollWidth > own.clientWidth || own.scrollHeight > own.clientHeight)
      own.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [pathname])
  return (
    <nav ref={rail} className={classes.rail} aria-label="Screens">
      <ProjectSwitch project={project} />
      <ul className={classes.places}>
        {shown.map(({ to, label, Icon, name, below }) => (
          <li key={name} data-below={below || undefined} className={classes.place}>
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
              {counts[name] ? (
                <Badge size="sm" circle={counts[name] < 10} className={classes.count} aria-label={`${counts[name]} ${name === 'alarms' ? 'open' : 'waiting'}`}>
                  {counts[name]}
                </Badge>
              ) : null}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
