import { Menu, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'

import { meQuery, projectsQuery } from '@/api/queries'
import { IconCheck, IconChevronDown, IconPlus } from '@/ui/icons'
import classes from './Rail.module.css'

const NewProject = lazy(() => import('./NewProject'))

/** The project that is shown, and a way to the others. */
export function ProjectSwitch({ project }: { project: string }) {
  const { data: projects } = useQuery(projectsQuery)
  const { data: me } = useQuery(meQuery)
  const [making, setMaking] = useState(false)
  const navigate = useNavigate()
  return (
    <>
      <Menu width={220} position="bottom-start">
        <Menu.Target>
          <UnstyledButton className={classes.project} aria-label={`${project}, project: choose another`}>
            <span className={classes.mark} aria-hidden data-letter={project.charAt(0).toUpperCase()} />
            <span className={classes.projectName}>{project}</span>
            <IconChevronDown size={14} aria-hidden className={classes.chevron} />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Projects</Menu.Label>
          {projects?.map((name) => (
            <Menu.Item
              key={name}
              rightSection={name === project ? <IconCheck size={14} aria-label="shown" /> : null}
              onClick={() => void navigate({ to: '/p/$project', params: { project: name } })}
            >
              {name}
            </Menu.Item>
          ))}
          {me?.server_role === 'admin' && (
            <>
              <Menu.Divider />
              <Menu.Item leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setMaking(true)}>
                New project …
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {making && (
        <Suspense>
          <NewProject close={() => setMaking(false)} />
        </Suspense>
      )}
    </>
  )
}
