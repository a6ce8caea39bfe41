import { Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import { projectQuery } from '@/api/queries'
import { useChange } from '@/ui/change'
import form from '@/ui/form/Form.module.css'
import { GateForm } from '@/ui/gate/GateForm'
import { IconDownload } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { Removal } from '@/ui/Removal'
import { useMay } from '@/ui/rights'
import { Rows } from '@/ui/Rows'
import { Section } from '@/ui/Screen'
import table from '@/ui/Table.module.css'

const STALE = ['project', 'projects', 'tasks', 'triggers']

/** What holds for the whole project: the gate before publications, its files to take along, its end. */
export function ThisProject({ project }: { project: string }) {
  const may = useMay(project)
  return (
    <>
      {may('task.read') && (
        <Section title={`Gate before a version of ${project} is published`}>
          <GateForm project={project} task={null} />
        </Section>
      )}
      {may('project.export') && (
        <Section title="The project as files">
          <div className={form.foot}>
            <Button variant="default" component="a" leftSection={<IconDownload size={15} aria-hidden />} href={`/api/v1/projects/${encodeURIComponent(project)}/bundle.zip`} download>
              Download it
            </Button>
            <Text size="sm" c="dimmed">
              Tasks, agents, models, calendars and channels, and the names of its secrets; <code>errands import</code> brings it back.
            </Text>
          </div>
        </Section>
      )}
      <EndOfProject project={project} />
      <DeletedProjects />
    </>
  )
}

/** A project is deleted with a grace period, and says so while it lasts. */
function EndOfProject({ project }: { project: string }) {
  const may = useMay(project)
  const { data: own } = useQuery(projectQuery(project))
  if (!own) return null
  if (own.remove_at) {
    return (
      <Section title="This project is deleted">
        <div className={form.foot}>
          {may('project.delete') && <BringBack project={project} />}
          <Text size="sm" c="dimmed">
            Nothing starts in it any more. It is removed with everything of it <Moment at={own.remove_at} />.
          </Text>
        </div>
      </Section>
    )
  }
  if (!may('project.delete')) return null
  return (
    <Section title="Delete the project">
      <div className={form.foot}>
        <Removal
          label="Delete it"
          size="sm"
          title={`Delete the project ${project}?`}
          act={`Delete ${project}`}
          remove={() => ask(api.DELETE('/api/v1/projects/{project}', { params: { path: { project } } }))}
          said={`${project} is deleted; it can be brought back here`}
          stale={STALE}
        >
          Nothing starts in it from now on. When its grace is over, its tasks, runs, files, threads, secrets and members are
          removed for good, and what still runs is cancelled. Until then it can be brought back here.
        </Removal>
        <Text size="sm" c="dimmed">
          It can be brought back for a while; the setting <code>keep_deleted</code> says how long.
        </Text>
      </div>
    </Section>
  )
}

/** The way back to those that no list leads to any more. */
function DeletedProjects() {
  const { data: names } = useQuery({
    queryKey: ['projects', 'deleted'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects', { params: { query: { deleted: true } }, signal })),
  })
  if (!names?.length) return null
  return (
    <Section title="Deleted projects">
      <Rows label="Deleted projects" columns={['Project']}>
        {names.map((name) => (
          <tr key={name}>
            <td>
              <Link to="/p/$project/settings" params={{ project: name }} className={table.name}>
                <bdi>{name}</bdi>
              </Link>
            </td>
          </tr>
        ))}
      </Rows>
    </Section>
  )
}

function BringBack({ project }: { project: string }) {
  const restore = useChange({
    act: () => ask(api.POST('/api/v1/projects/{project}/restore', { params: { path: { project } } })),
    stale: STALE,
    said: () => `${project} is back; its schedules plan from now on`,
  })
  return (
    <Button variant="default" loading={restore.isPending} onClick={() => restore.mutate()}>
      Bring it back
    </Button>
  )
}
