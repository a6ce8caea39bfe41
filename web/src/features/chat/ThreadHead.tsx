import { ActionIcon, Badge, Button, Group, Menu, Modal, Text, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'

import type { ThreadView } from '@/api/generated/schema'
import { Caution } from '@/ui/Caution'
import { Confirm } from '@/ui/Confirm'
import { copyText } from '@/ui/copying'
import { bytes, count, money } from '@/ui/format'
import { IconCopy, IconDots, IconDownload, IconFileText, IconListCheck, IconPencil, IconShare, IconTrash } from '@/ui/icons'
import { Moment } from '@/ui/moments'
import { Answered } from '@/ui/states'
import { done, failed } from '@/ui/toast'
import { person } from '@/ui/triggers'
import classes from './Chat.module.css'
import { keep } from './draft'
import { deleteThread, detach, editThread, filesQuery } from './queries'
import { quoted } from './suggestions'

/** What a thread is: whose, for whom, and what it has used. */
export function ThreadFacts({ thread, mine }: { thread: ThreadView; mine: boolean }) {
  const { usage } = thread
  const tokens = usage.input_tokens + usage.output_tokens
  return (
    <>
      {!mine && (
        <Badge variant="light" color="gray" tt="none">
          by {person(thread.owner)}
        </Badge>
      )}
      {mine && thread.shared && (
        <Badge variant="light" tt="none" title="Everybody in the project may read it; only you talk in it.">
          shared
        </Badge>
      )}
      {thread.untrusted && (
        <Caution title="A page, a file or a run's output was read here. Whatever acts from now on starts with a click.">
          has read from outside
        </Caution>
      )}
      {tokens > 0 && (
        <Text size="xs" c="dimmed" className={`${classes.facts} figures`} title="What the models of this conversation have used">
          {count(tokens)} tokens · {money(Number(usage.usd))}
        </Text>
      )}
    </>
  )
}

interface ThreadActionsProps {
  project: string
  thread: ThreadView
  mine: boolean
  busy: boolean
  onSay: (text: string) => void
}

type Dialog = 'save' | 'rename' | 'files' | 'delete' | null

/** What can be done with a thread as a whole. */
export function ThreadActions({ project, thread, mine, busy, onSay }: ThreadActionsProps) {
  const [dialog, setDialog] = useState<Dialog>(null)
  const client = useQueryClient()
  const navigate = useNavigate()
  const close = () => setDialog(null)
  const reread = () => client.invalidateQueries({ queryKey: ['threads', project] })
  const share = useMutation({
    mutationFn: () => editThread(project, thread.id, { shared: !thread.shared }),
    onSuccess: async ({ shared }) => {
      await reread()
      done(shared ? 'Everybody in the project may read it now; only you talk in it' : 'Nobody but you reads it from now on')
    },
    onError: failed,
  })
  const copyLink = async () => {
    try {
      await copyText(location.href.split('?')[0] ?? location.href)
      done('Its address is copied')
    } catch (error) {
      failed(error)
    }
  }
  const remove = async () => {
    await deleteThread(project, thread.id)
    keep(thread.id, { text: '', files: [] })
    await navigate({ to: '/p/$project/chat', params: { project } })
    client.removeQueries({ queryKey: ['threads', project, thread.id] })
    await reread()
    done('The conversation is deleted; what was done from it stays')
  }
  return (
    <>
      {mine && (
        <Button visibleFrom="sm" variant="default" leftSection={<IconListCheck size={15} aria-hidden />} disabled={busy} onClick={() => setDialog('save')}>
          Save as a task …
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size="lg" aria-label="More about this conversation">
            <IconDots size={17} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {mine && (
            <Menu.Item hiddenFrom="sm" leftSection={<IconListCheck size={15} />} disabled={busy} onClick={() => setDialog('save')}>
              Save as a task …
            </Menu.Item>
          )}
          {mine && (
            <Menu.Item leftSection={<IconPencil size={15} />} onClick={() => setDialog('rename')}>
              Rename …
            </Menu.Item>
          )}
          {mine && (
            <Menu.Item leftSection={<IconShare size={15} />} onClick={() => share.mutate()}>
              {thread.shared ? 'Stop sharing' : 'Share with the project'}
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconCopy size={15} />} onClick={() => void copyLink()}>
            Copy its address
          </Menu.Item>
          <Menu.Item leftSection={<IconFileText size={15} />} onClick={() => setDialog('files')}>
            Files …
          </Menu.Item>
          {mine && (
            <Menu.Item leftSection={<IconTrash size={15} />} color="var(--mantine-color-error)" onClick={() => setDialog('delete')}>
              Delete …
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {dialog === 'save' && <SaveDialog close={close} onSay={onSay} />}
      {dialog === 'rename' && <RenameDialog project={project} thread={thread} close={close} onDone={reread} />}
      {dialog === 'files' && <FilesDialog project={project} thread={thread} mine={mine} close={close} />}
      {dialog === 'delete' && (
        <Confirm title="Delete this conversation?" act="Delete it" onConfirm={remove} close={close}>
          Its messages and files are removed and cannot be brought back. Tasks that were published and runs that were started from it stay.
        </Confirm>
      )}
    </>
  )
}

const NAME = /^[a-z][a-z0-9-]{0,62}$/

/** Asks what the task is called; the thread then shows its draft with a rehearsal. */
function SaveDialog({ close, onSay }: { close: () => void; onSay: (text: string) => void }) {
  const [name, setName] = useState('')
  const [about, setAbout] = useState('')
  const wrong = name !== '' && !NAME.test(name)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!NAME.test(name)) return
    close()
    onSay(about.trim() ? `/save ${name} ${quoted(about.trim())}` : `/save ${name}`)
  }
  return (
    <Modal opened onClose={close} title="Save this conversation as a task">
      <form onSubmit={submit} className={classes.dialog}>
        <Text size="sm" c="dimmed">
          The tool calls that worked become steps, values that you said become params, and the recorded answers become its test. The draft is
          rehearsed against them and shown here; nothing is saved before your click.
        </Text>
        <TextInput
          label="Name of the task"
          placeholder="weekly-orders"
          data-autofocus
          required
          withAsterisk={false}
          value={name}
          error={wrong ? 'Use lower-case letters, digits and -, a letter first.' : undefined}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
        <Textarea label="What it does" description="Left empty: what you asked for first" autosize minRows={2} maxLength={2000} value={about} onChange={({ currentTarget }) => setAbout(currentTarget.value)} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" disabled={!NAME.test(name)}>
            Draft it
          </Button>
        </Group>
      </form>
    </Modal>
  )
}

interface DialogProps {
  project: string
  thread: ThreadView
  close: () => void
}

function RenameDialog({ project, thread, close, onDone }: DialogProps & { onDone: () => Promise<void> }) {
  const [title, setTitle] = useState(thread.title ?? '')
  const rename = useMutation({
    mutationFn: () => editThread(project, thread.id, { title }),
    onSuccess: async () => {
      await onDone()
      close()
    },
    onError: failed,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    rename.mutate()
  }
  return (
    <Modal opened onClose={close} title="Rename the conversation">
      <form onSubmit={submit} className={classes.dialog}>
        <TextInput label="Title" data-autofocus maxLength={200} value={title} onChange={({ currentTarget }) => setTitle(currentTarget.value)} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={rename.isPending}>
            Rename
          </Button>
        </Group>
      </form>
    </Modal>
  )
}

function FilesDialog({ project, thread, mine, close }: DialogProps & { mine: boolean }) {
  const query = useQuery(filesQuery(project, thread.id))
  const client = useQueryClient()
  const [leaving, setLeaving] = useState<{ id: string; name: string } | null>(null)
  const remove = async () => {
    if (leaving) await detach(leaving.id)
    await client.invalidateQueries({ queryKey: filesQuery(project, thread.id).queryKey })
  }
  return (
    <>
      <Modal opened onClose={close} title="Files of this conversation" size="lg">
        <Answered query={query} rows={3}>
          {(files) =>
            files.length === 0 ? (
              <Text size="sm" c="dimmed">
                None yet. Attach one beside the field for messages, drop it there, or paste it: up to 10 MiB each.
              </Text>
            ) : (
              <ul className={classes.files}>
                {files.map((file) => (
                  <li key={file.id}>
                    <IconFileText size={16} aria-hidden />
                    <div className={classes.fileAbout}>
                      <bdi>{file.name}</bdi>
                      <Text size="xs" c="dimmed">
                        {bytes(file.size)} · <Moment at={file.created_at} />
                        {!file.readable && ' · a model cannot read it'}
                        {file.note && <> · {file.note}</>}
                      </Text>
                    </div>
                    <ActionIcon component="a" href={`/api/v1/attachments/${file.id}`} download variant="subtle" color="gray" aria-label={`Download ${file.name}`}>
                      <IconDownload size={16} />
                    </ActionIcon>
                    {mine && (
                      <ActionIcon variant="subtle" color="gray" aria-label={`Remove ${file.name}`} onClick={() => setLeaving(file)}>
                        <IconTrash size={16} />
                      </ActionIcon>
                    )}
                  </li>
                ))}
              </ul>
            )
          }
        </Answered>
      </Modal>
      {leaving && (
        <Confirm title={`Remove ${leaving.name}?`} act="Remove it" onConfirm={remove} close={() => setLeaving(null)}>
          It cannot be brought back. Messages that named it keep its name, and what a model was shown of it.
        </Confirm>
      )}
    </>
  )
}
