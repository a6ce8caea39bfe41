import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'

import { IconListDetails } from '@/ui/icons'
import { Screen } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import { ICONS } from './icons'
import { templatesQuery } from './queries'
import classes from './Templates.module.css'

const route = getRouteApi('/inside/p/$project/templates')

/** Tasks that nearly do a job, to begin with. */
export function TemplatesScreen() {
  const { project } = route.useParams()
  const query = useQuery(templatesQuery)
  return (
    <Screen title="Templates">
      <Text mb="md">Each is a task that nearly does a job. Try it with sample data; then adopt it with your answers in it.</Text>
      <Answered query={query}>
        {(templates) => (
          <ul className={classes.cards}>
            {templates.map(({ name, title, summary, tags }) => (
              <li key={name}>
                <Link to="/p/$project/templates/$template" params={{ project, template: name }} className={classes.card}>
                  <span className={classes.name}>
                    <Picture name={name} />
                    {title}
                  </span>
                  <span>{summary}</span>
                  <span className={classes.tags}>{tags.join(', ')}</span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </Screen>
  )
}

function Picture({ name }: { name: string }) {
  const Icon = ICONS[name] ?? IconListDetails
  return <Icon size={18} aria-hidden />
}
