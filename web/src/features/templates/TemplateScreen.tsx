import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'

import type { TemplateView } from '@/api/generated/schema'
import { Screen, Section } from '@/ui/Screen'
import { Source } from '@/ui/Source'
import { Answered } from '@/ui/states'
import { AdoptForm } from './AdoptForm'
import { templateQuery } from './queries'
import { Trial } from './Trial'
import classes from './Templates.module.css'

const route = getRouteApi('/inside/p/$project/templates/$template')

/** One template: what it does and needs, a trial, and the form that adopts it. */
export function TemplateScreen() {
  const { project, template } = route.useParams()
  const query = useQuery(templateQuery(template))
  return (
    <Screen title={query.data?.title ?? 'Template'}>
      <Answered query={query}>
        {(view) => (
          <>
            <Text>{view.summary}</Text>
            {view.tasks.map((task) => (
              <Section key={task.task} title={task.title}>
                <Text mb="sm">{task.description}</Text>
                <div className={classes.frame} tabIndex={0} role="group" aria-label={`Picture of ${task.title}`}>
                  <img className={classes.picture} alt={`Steps of ${task.title}`} src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(task.svg)}`} />
                </div>
              </Section>
            ))}
            <Needs view={view} />
            <Section title="Try it">
              <Trial template={template} />
            </Section>
            <Section title="Adopt it">
              <AdoptForm project={project} view={view} />
            </Section>
            <Section title="Files">
              {view.files.map((file) => (
                <details key={file.name}>
                  <summary>
                    <code>{file.name}</code>
                  </summary>
                  <Source text={file.source} label={file.name} numbered />
                </details>
              ))}
            </Section>
          </>
        )}
      </Answered>
    </Screen>
  )
}

/** What its tasks may reach once they are adopted. */
function Needs({ view }: { view: TemplateView }) {
  const granted = [
    ['Tools', view.grants.tools],
    ['Hosts', view.grants.hosts],
    ['Folders', view.grants.folders],
    ['With data from outside', view.grants.untrusted],
  ] as const
  return (
    <Section title="What it needs">
      <dl className={classes.needs}>
        {view.schedule && (
          <>
            <dt>Runs</dt>
            <dd>{view.schedule}</dd>
          </>
        )}
        {granted
          .filter(([, names]) => names.length > 0)
          .map(([kind, names]) => (
            <Pair key={kind} kind={kind} names={names} />
          ))}
        {view.secrets.map(({ name, about }) => (
          <Pair key={name} kind={`Secret ${name}`} names={[about]} />
        ))}
      </dl>
    </Section>
  )
}

function Pair({ kind, names }: { kind: string; names: readonly string[] }) {
  return (
    <>
      <dt>{kind}</dt>
      <dd>{names.join(', ')}</dd>
    </>
  )
}
