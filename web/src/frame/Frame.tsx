import { Group, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Outlet } from '@tanstack/react-router'
import { Suspense, useEffect } from 'react'

import { Refusal } from '@/api/client'
import { useProjectChanges } from '@/api/live'
import { meQuery, projectQuery } from '@/api/queries'
import { useStanding } from '@/api/session'
import { IconSearch } from '@/ui/icons'
import { Failure } from '@/ui/states'
import { browserZone, Zone } from '@/ui/zone'
import { Crumbs } from './Crumbs'
import classes from './Frame.module.css'
import { lastProject } from './lastProject'
import { PersonMenu, SchemeSwitch } from './menus'
import { openPalette, Palette } from './Palette'
import { Rail } from './Rail'
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
