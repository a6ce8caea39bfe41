import { Button, Group, Menu, Modal, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import type { JsonValue, RunView } from '@/api/generated/schema'
import { projectQuery } from '@/api/queries'
import { cancelRun, deleteRun } from '@/api/runs'
import { copyText } from '@/ui/copying'
import { IconChevronDown, IconCopy } from '@/ui/icons'
import { isActive } from '@/ui/outcomes'
import { Removal } from '@/ui/Removal'
import { done, failed } from '@/ui/toast'
import { answersNeeded, asCli, asCurl, asTest } from './copies'
import { printRun } from './paper'
import { textPart } from './Recorded'
import { Rerun } from './Rerun'
import { FAILED } from './reruns'

const route = getRouteApi('/inside/p/$project/runs/$run')

/** What can be done with a run, as far as the reader may. */
export function RunActions({ project, run }: { project: string; run: RunView }) {
  const { step } = route.useSearch()
  const { data } = useQuery(projectQuery(project))
  const navigate = useNavigate()
  const [cancelling, cancel] = useDisclosure(false)
  const [rerunning, again] = useDisclosure(false)
  const [from, setFrom] = useState<string | null>(null)
  const may = (right: string) => data?.rights.includes(right) ?? false
  const broken = run.steps.some(({ status }) => status === 'failed')
  const begin = (path: string | null) => {
    setFrom(path)
    again.open()
  }
  return (
    <>
      <Button
        variant="default"
        renderRoot={(props) => <Link to="/p/$project/runs/$run/compare" params={{ project, run: run.id }} {...props} />}
      >
        Compare
      </Button>
      <CopyMenu project={project} run={run} />
      {may('run.rerun') && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
              Rerun
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => begin(null)}>From the beginning</Menu.Item>
            <Menu.Item disabled={!broken} onClick={() => begin(FAILED)}>
              {broken ? 'What failed' : 'What failed: no step did'}
            </Menu.Item>
            <Menu.Item disabled={!step} onClick={() => begin(step ?? null)}>
              {step ? `From ${step}` : 'From a step: choose one first'}
            </Menu.Item>
            <Menu.Item renderRoot={(props) => <Link to="/p/$project/tasks/$task/run" params={{ project, task: run.task }} search={{ like: run.id }} {...props} />}>
              With other arguments …
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      {isActive(run.status) && may('run.cancel') && (
        <Button variant="default" onClick={cancel.open} disabled={run.cancel_requested_at !== null}>
          {run.cancel_requested_at ? 'Cancelling' : 'Cancel'}
        </Button>
      )}
      {!isActive(run.status) && may('run.delete') && (
        <Removal
          label="Delete"
          size="sm"
          title="Delete this run?"
          remove={() => deleteRun(run.id)}
          said="The run is deleted"
          stale={['runs', 'overview']}
          then={() => void navigate({ to: '/p/$project/runs', params: { project } })}
        >
          Its record, log and files go at once and for good; the audit log keeps who deleted it. What it counted for in
          Insights stays counted.
        </Removal>
      )}
      {cancelling && <Cancel run={run} close={cancel.close} />}
      {rerunning && <Rerun project={project} run={run} from={from} close={again.close} />}
    </>
  )
}

function CopyMenu({ project, run }: { project: string; run: RunView }) {
  const client = useQueryClient()
  const copy = (what: string, text: string) => void copyText(text).then(() => done(`Copied as ${what}`), failed)
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconCopy size={14} aria-hidden />}>
          Copy
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => copy('a curl command', asCurl(location.origin, project, run))}>As a curl command</Menu.Item>
        <Menu.Item onClick={() => copy('a command line', asCli(project, run))}>As a command line</Menu.Item>
        <Menu.Item onClick={() => void copyTest(run, copy).catch(failed)}>As a test for the task’s file</Menu.Item>
        <Menu.Item onClick={() => copy('the id', run.id)}>The id of the run</Menu.Item>
        <Menu.Item onClick={() => copy('a link', location.href)}>A link to this view</Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void printRun(client, run.id).catch(failed)}>On paper or as PDF …</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

/** Bytes of an output up to which a test holds it. */
const LARGEST_STUB = 2 ** 18

/** A test needs the outputs that were left out of the run; the largest stay out of it, which is told. */
async function copyTest(run: RunView, copy: (what: string, text: string) => void): Promise<void> {
  const left = answersNeeded(run).filter(({ output_size: size }) => size)
  const wanted = left.filter(({ output_size: size }) => (size ?? 0) <= LARGEST_STUB)
  const read = await Promise.all(
    wanted.map(async ({ path }) => [path, JSON.parse((await textPart(run.id, path, 'output', 0, LARGEST_STUB)).text) as JsonValue] as const),
  )
  const missing = left.length - wanted.length
  copy(missing ? `a test; ${missing} large outputs are not in it` : 'a test', asTest(run, new Map(read)))
}

function Cancel({ run, close }: { run: RunView; close: () => void }) {
  const [reason, setReason] = useState('')
  const change = useMutation({
    mutationFn: () => cancelRun(run.id, reason || null),
    onSuccess: ({ cancelled }) => {
      done(cancelled ? 'The run is being cancelled' : 'The run had ended already')
      close()
    },
    onError: failed,
  })
  return (
    <Modal opened onClose={close} title="Cancel this run?">
      <Text size="sm" c="dimmed" mb="sm">
        Steps under way are stopped; what they already did outside stays done. Steps under <code>finally</code> still run.
      </Text>
      <TextInput label="Reason" value={reason} maxLength={1000} onChange={({ currentTarget }) => setReason(currentTarget.value)} data-autofocus />
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close}>
          Let it run
        </Button>
        <Button color="red" loading={change.isPending} onClick={() => change.mutate()}>
          Cancel the run
        </Button>
      </Group>
    </Modal>
  )
}
