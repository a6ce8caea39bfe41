import { Menu, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { projectsQuery } from '@/api/queries'
import { IconCheck, IconChevronDown } from '@/ui/icons'
import classes from './Frame.module.css'

/** The project that is shown, and a way to the others. */
export function ProjectSwitch({ project }: { project: string }) {
  const { data: projects } = useQuery(projectsQuery)
  const navigate = useNavigate()
  return (
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
      </Menu.Dropdown>
    </Menu>
  )
}
