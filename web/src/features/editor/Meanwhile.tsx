import { Alert, Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { api, ask } from '@/api/client'
import { type Draft, newestNow } from '@/api/drafts'
import { Difference } from '@/ui/Difference'
import { Answered } from '@/ui/states'

interface MeanwhileProps {
  project: string
  task: string
  draft: Draft
  /** The draft stays as it is and begins with the newest version from now on. */
  onTakeOver: (base: { version: number; tag: string }) => void
}

/** Tells, while one edits, that somebody else has stored a version since the draft began, and what it changed. */
export function Meanwhile({ project, task, draft, onTakeOver }: MeanwhileProps) {
  const { data } = useQuery({
    // Kept up to date by the project's events, as every screen of the task is.
    queryKey: ['tasks', project, task],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/tasks/{task}', { params: { path: { project, task } }, signal })),
  })
  const [open, setOpen] = useState(false)
  if (!data || !draft.base || data.latest <= draft.base.version) return null
  return (
    <Alert color="orange" variant="light" role="status" title={`v${data.latest} was saved while you edit`}>
      <Group gap="xs">
        <Text size="sm">Your draft began with v{draft.base.version}. Saving it as it is will be refused.</Text>
        <Button ms="auto" size="compact-sm" variant="default" onClick={() => setOpen(!open)}>
          {open ? 'Hide what changed' : 'Show what changed'}
        </Button>
      </Group>
      {open && <WhatChanged project={project} task={task} draft={draft} onTakeOver={onTakeOver} />}
    </Alert>
  )
}

/** What somebody else changed since the draft began, and the way to go on with the draft all the same. */
export function WhatChanged({ project, task, draft, onTakeOver }: MeanwhileProps) {
  const since = draft.base?.version
  const query = useQuery({
    queryKey: ['tasks', project, task, 'meanwhile', since ?? null],
    queryFn: async () => {
      const newest = await newestNow(project, task)
      if (since === undefined) return { newest, before: '' }
      const params = { path: { project, task }, query: { version: since } }
      const file = await ask(api.GET('/api/v1/projects/{project}/tasks/{task}/source', { params }))
      return { newest, before: file.source }
    },
    staleTime: 0,
  })
  return (
    <Answered query={query} rows={3}>
      {({ newest, before }) => (
        <>
          <Text size="sm" fw={500} mt="sm" mb={4}>
            From {since === undefined ? 'nothing' : `v${since}`} to v{newest.version}, by somebody else
          </Text>
          <Difference before={before} after={newest.source} label="What somebody else changed" />
          <Group mt="sm" gap="xs">
            <Button size="compact-sm" variant="default" onClick={() => onTakeOver({ version: newest.version, tag: newest.tag })}>
              Go on with my draft, on top of v{newest.version}
            </Button>
            <Text size="xs" c="dimmed">
              Nothing is merged: write into your draft what you want to keep of theirs. What you save then takes their place.
            </Text>
          </Group>
        </>
      )}
    </Answered>
  )
}
