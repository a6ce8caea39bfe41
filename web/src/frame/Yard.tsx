import { Button, Group } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactNode, Suspense } from 'react'

import { meQuery, projectsQuery } from '@/api/queries'
import { browserZone, Zone } from '@/ui/zone'
import classes from './Frame.module.css'
import { PersonMenu, SchemeSwitch } from './menus'
import { SignInAgain } from './SignInAgain'

/** What stands around a screen that belongs to no project. */
export function Yard({ children }: { children: ReactNode }) {
  const { data: me } = useQuery(meQuery)
  const { data: projects } = useQuery(projectsQuery)
  return (
    <Zone value={me?.timezone ?? browserZone}>
      <div className={classes.yard}>
        <header className={classes.top}>
          {projects?.length ? (
            <Button variant="subtle" size="compact-sm" component={Link} to="/">
              To the projects
            </Button>
          ) : null}
          <Group gap="xs" ms="auto" wrap="nowrap">
            <SchemeSwitch />
            <PersonMenu />
          </Group>
        </header>
        <main id="content" className={classes.content} tabIndex={-1}>
          <Suspense>{children}</Suspense>
        </main>
        <SignInAgain />
      </div>
    </Zone>
  )
}
