import { Button, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'

import { useChange } from '@/ui/change'
import { IconBook, IconListCheck, IconMessage, IconPlayerPlayFilled } from '@/ui/icons'
import { useMay } from '@/ui/rights'
import { Screen } from '@/ui/Screen'
import { Empty } from '@/ui/states'
import classes from './Home.module.css'

/** A project without tasks: one that runs at once, and the ways to the first of one's own. */
export function FirstSteps({ project }: { project: string }) {
  const may = useMay(project)
  return (
    <Screen title="Home">
      <Empty title="This project has no task yet" action={may('task.publish') && may('task.run') && <Sample project={project} />}>
        <Text>
          A task is a file of steps that runs on demand or by itself.{' '}
          {may('task.publish') ? 'The sample greets somebody, counts letters and lets an agent on the model that comes with Errands say something kind.' : 'An editor of this project makes the first one; it appears here at once.'}
        </Text>
      </Empty>
      {may('task.edit') && <Hints project={project} />}
    </Screen>
  )
}

function Sample({ project }: { project: string }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const begin = useChange({
    act: async () => (await import('./sample')).runSample(project),
    stale: [],
    then: (run: string) => {
      void navigate({ to: '/p/$project/runs/$run', params: { project, run } })
      void client.invalidateQueries({ queryKey: ['tasks', project] })
    },
  })
  return (
    <Button leftSection={<IconPlayerPlayFilled size={13} aria-hidden />} loading={begin.isPending} onClick={() => begin.mutate()}>
      Run a sample task
    </Button>
  )
}

const HINTS = [
  { to: '/p/$project/templates', Icon: IconBook, title: 'Begin with a template', about: 'Sixteen common jobs, each tried with sample data before you adopt it.' },
  { to: '/p/$project/new-task', Icon: IconListCheck, title: 'Write one in the editor', about: 'Step by step or as YAML; what is wrong is told while you type.' },
  { to: '/p/$project/chat', Icon: IconMessage, title: 'Describe it in the chat', about: 'The draft comes as a card that you try and publish.' },
] as const

function Hints({ project }: { project: string }) {
  return (
    <ul className={classes.hints} aria-label="Ways to a task of your own">
      {HINTS.map(({ to, Icon, title, about }) => (
        <li key={to}>
          <Link to={to} params={{ project }} className={classes.hint}>
            <Icon size={18} aria-hidden />
            <strong>{title}</strong>
            <span>{about}</span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
