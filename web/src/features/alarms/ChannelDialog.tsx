import { Button, Checkbox, Group, Modal, SegmentedControl, SimpleGrid, Stack, TagsInput, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { channelsQuery } from '@/api/catalogue'
import type { ChannelView } from '@/api/generated/schema'
import { useChange } from '@/ui/change'
import { FormFailure, problemsOf } from '@/ui/form/problems'
import { useMay } from '@/ui/rights'
import { SecretPicker } from '@/ui/SecretPicker'
import { putChannel } from './queries'
import { EVENT_WORDS, EVENTS } from './words'

interface ChannelDialogProps {
  project: string
  /** Null: a new one. */
  channel: ChannelView | null
  close: () => void
}

/** Where a channel leads, and what goes there. */
export function ChannelDialog({ project, channel, close }: ChannelDialogProps) {
  const [name, setName] = useState(channel?.name ?? '')
  const [how, setHow] = useState<string>(channel?.addresses.length ? 'mail' : 'secret')
  const [secret, setSecret] = useState(channel?.secret ?? null)
  const [addresses, setAddresses] = useState([...(channel?.addresses ?? [])])
  const [events, setEvents] = useState([...(channel?.events ?? EVENTS)])
  const mayStore = useMay(project)('secret.write')
  const { data: known } = useQuery(channelsQuery(project))
  const taken = channel === null && (known?.some((one) => one.name === name) ?? false)
  const keep = useChange({
    act: () => putChannel(project, name, how === 'mail' ? { addresses, secret: null, events } : { addresses: [], secret, events }, channel?.digest ?? null),
    stale: ['channels'],
    said: () => `The channel ${name} is saved; test it`,
    then: close,
    inForm: true,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    keep.mutate()
  }
  const problems = problemsOf(keep.error)
  return (
    <Modal opened onClose={close} size="lg" title={channel === null ? 'New channel' : `Channel ${channel.name}`}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <FormFailure problems={problems} fields={['channel', 'secret', 'addresses', 'events']} />
          {channel === null && (
            <TextInput label="Name" description="Tasks name it under alarms: channels" placeholder="ops" required withAsterisk={false} data-autofocus value={name} error={taken ? 'There is a channel of this name already.' : problems.of('channel')} onChange={({ currentTarget }) => setName(currentTarget.value)} />
          )}
          <SegmentedControl
            aria-label="Where it leads"
            data={[
              { value: 'secret', label: 'Slack, Teams, ntfy, webhook …' },
              { value: 'mail', label: 'Mail addresses' },
            ]}
            value={how}
            onChange={setHow}
          />
          {how === 'mail' ? (
            <TagsInput label="Mail addresses" description="Written to by the server's mail account" placeholder="lead@example.com" data={[]} value={addresses} error={problems.of('addresses')} onChange={setAddresses} splitChars={[',', ' ', ';']} acceptValueOnBlur />
          ) : (
            <SecretPicker label="Address" description="The secret that holds an apprise URL, such as slack://…, ntfy://… or jsons://…" project={project} value={secret} onChange={setSecret} error={problems.of('secret')} mayStore={mayStore} />
          )}
          <Checkbox.Group label="What goes there" value={events} onChange={setEvents} error={problems.of('events')}>
            <SimpleGrid cols={{ base: 1, xs: 2 }} spacing={8} verticalSpacing={8} mt={6}>
              {EVENTS.map((event) => (
                <Checkbox key={event} size="xs" value={event} label={EVENT_WORDS[event]} />
              ))}
            </SimpleGrid>
          </Checkbox.Group>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <Button type="submit" loading={keep.isPending} disabled={taken}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
