import { Button, Text } from '@mantine/core'

import form from '@/ui/form/Form.module.css'
import { GateForm } from '@/ui/gate/GateForm'
import { IconDownload } from '@/ui/icons'
import { useMay } from '@/ui/rights'
import { Section } from '@/ui/Screen'

/** What holds for the whole project: the gate before publications, and its files to take along. */
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
    </>
  )
}
