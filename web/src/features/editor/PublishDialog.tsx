import { Alert, Button, Checkbox, Group, Modal, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { isStatus, sentence } from '@/api/client'
import type { Draft } from '@/api/drafts'
import { heldBack } from '@/api/gates'
import { Difference } from '@/ui/Difference'
import { GateClosed } from '@/ui/gate/GateClosed'
import { GateRule } from '@/ui/gate/GateRule'
import { done } from '@/ui/toast'
import { WhatChanged } from './Meanwhile'
import { store } from './queries'

interface PublishDialogProps {
  project: string
  task: string
  draft: Draft
  /** What the server has. */
  before: string
  close: () => void
  onStored: () => Promise<void>
  onTakeOver: (base: { version: number; tag: string }) => void
}

/** What would change, and the button that stores it; refused where somebody else stored another version meanwhile. */
export function PublishDialog({ project, task, draft, before, close, onStored, onTakeOver }: PublishDialogProps) {
  const [message, setMessage] = useState('')
  const [publish, setPublish] = useState(true)
  const [reason, setReason] = useState('')
  const change = useMutation({
    mutationFn: () => store(project, task, draft.base?.tag ?? null, { source: draft.text, message: message || null, publish, overrule: publish ? reason.trim() || null : null }),
    onSuccess: ({ version, published }) => {
      done(published ? `v${version} of ${task} is published` : `v${version} of ${task} is saved`)
      void onStored()
    },
  })
  const meanwhile = isStatus(change.error, 412)
  const held = publish ? heldBack(change.error) : null
  return (
    <Modal opened onClose={close} title={`Save ${task}`} size="xl">
      {held && <GateClosed project={project} runs={held} reason={reason} onReason={setReason} />}
      {change.error && !held && (
        <Alert color="red" variant="light" mb="md" role="alert" title={meanwhile ? 'Somebody else saved a version meanwhile' : 'Nothing was saved'}>
          {meanwhile ? (
            <>
              Your draft began with an older one and stays as it is.
              <WhatChanged
                project={project}
                task={task}
                draft={draft}
                onTakeOver={(base) => {
                  onTakeOver(base)
                  change.reset()
                  close()
                }}
              />
            </>
          ) : (
            sentence(change.error)
          )}
        </Alert>
      )}
      <Text size="sm" fw={500} mb={6}>
        What changes
      </Text>
      <Difference before={before} after={draft.text} label="What changes" />
      <TextInput mt="md" label="Message" placeholder="Why" description="Kept with the version" maxLength={1000} value={message} onChange={({ currentTarget }) => setMessage(currentTarget.value)} />
      <Checkbox mt="md" label="Publish: new runs and triggers take it at once" checked={publish} onChange={({ currentTarget }) => setPublish(currentTarget.checked)} />
      {publish && draft.base && <GateRule project={project} task={task} />}
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close}>
          Back to the draft
        </Button>
        <Button loading={change.isPending} disabled={held !== null && !reason.trim()} onClick={() => change.mutate()}>
          {held ? 'Overrule and publish' : publish ? 'Save and publish' : 'Save'}
        </Button>
      </Group>
    </Modal>
  )
}
