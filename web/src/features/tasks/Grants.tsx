import { Button, Group, NumberInput, Text } from '@mantine/core'
import { useState } from 'react'
import { stringify } from 'yaml'

import { api, ask } from '@/api/client'
import type { GrantsSuggested } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { useDraftChange } from '@/ui/draftChange'
import form from '@/ui/form/Form.module.css'
import { plural } from '@/ui/format'
import { useMay } from '@/ui/rights'
import { Source } from '@/ui/Source'
import { withGrants } from '@/ui/steps/edited'

const MOST = 500

/** What the last runs have really used, and the narrowest grants that would have been enough. */
export function Grants({ project, task }: { project: string; task: string }) {
  const [runs, setRuns] = useState(50)
  const look = useChange({
    act: () => ask(api.GET('/api/v1/projects/{project}/tasks/{task}/grants', { params: { path: { project, task }, query: { runs } } })),
    stale: [],
  })
  return (
    <div className={form.sheet} style={{ maxWidth: 720 }}>
      <Text size="sm" c="dimmed">
        Looks at what the last runs that succeeded have called, and proposes the narrowest grants that would have been enough.
      </Text>
      <Group align="flex-end" gap="xs">
        <NumberInput label="Last runs" min={1} max={MOST} w={110} value={runs} onChange={(number) => setRuns(Math.min(MOST, Math.max(1, Number(number) || 1)))} />
        <Button variant="default" loading={look.isPending} onClick={() => look.mutate()}>
          Propose grants
        </Button>
      </Group>
      {look.data && <Suggested project={project} found={look.data} />}
    </div>
  )
}

function Suggested({ project, found }: { project: string; found: GrantsSuggested }) {
  const may = useMay(project)('task.edit')
  const draft = useDraftChange(project, found.task)
  const looked = `${plural(found.runs, 'run')} of v${found.version}`
  const narrower = found.unused.length > 0 || found.narrowed.length > 0
  return (
    <section aria-label="Grants that would be enough">
      {found.runs === 0 ? (
        <Text size="sm">No run of v{found.version} has succeeded yet; run it first.</Text>
      ) : narrower ? (
        <>
          <Text size="sm" fw={500} mb={6}>
            Enough for {looked}
          </Text>
          <Source text={stringify({ grants: found.grants }, { lineWidth: 0 })} label="Suggested grants" />
          <Lines title="Never needed" lines={found.unused} />
          <Lines title="Narrower" lines={found.narrowed} />
        </>
      ) : (
        <Text size="sm">{looked} needed everything that is granted.</Text>
      )}
      <Lines title="Steps that were not seen at work: their tools stay; check hosts and secrets before you narrow" lines={found.not_reached} />
      {narrower && found.runs > 0 && may && (
        <Button mt="md" loading={draft.isPending} onClick={() => draft.mutate((text) => withGrants(text, found.grants))}>
          Make a draft with them
        </Button>
      )}
    </section>
  )
}

function Lines({ title, lines }: { title: string; lines: readonly string[] }) {
  if (lines.length === 0) return null
  return (
    <>
      <Text size="xs" c="dimmed" mt={8}>
        {title}
      </Text>
      <ul style={{ margin: '2px 0', paddingInlineStart: 20, fontSize: 13 }}>
        {lines.map((line) => (
          <li key={line}>
            <bdi>{line}</bdi>
          </li>
        ))}
      </ul>
    </>
  )
}
