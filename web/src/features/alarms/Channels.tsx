import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { channelsQuery } from '@/api/catalogue'
import type { ChannelView } from '@/api/generated/schema'
import { Caution } from '@/ui/Caution'
import { useChange } from '@/ui/change'
import { IconPlus } from '@/ui/icons'
import { firstLine } from '@/ui/format'
import { Moment } from '@/ui/moments'
import { Outcome } from '@/ui/Outcome'
import { Removal } from '@/ui/Removal'
import { useMay } from '@/ui/rights'
import { Rows } from '@/ui/Rows'
import { Section } from '@/ui/Screen'
import { Answered, Empty } from '@/ui/states'
import table from '@/ui/Table.module.css'
import classes from './Alarms.module.css'
import { ChannelDialog } from './ChannelDialog'
import { removeChannel, sendAgain, stuckQuery, testChannel } from './queries'
import { EVENT_WORDS, EVENTS } from './words'

/** Where messages of the project go, whether they get through, and those that did not. */
export function Channels({ project }: { project: string }) {
  const may = useMay(project)('alarm.edit')
  const query = useQuery(channelsQuery(project))
  const [edited, setEdited] = useState<ChannelView | 'new' | null>(null)
  const add = may && (
    <Button leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setEdited('new')}>
      New channel
    </Button>
  )
  return (
    <div className={classes.stack}>
      <Answered query={query}>
        {(channels) =>
          channels.length === 0 ? (
            <Empty title="Messages go to nobody but the people who are asked" action={add}>
              A channel is a place where the project's messages go: Slack, Teams, ntfy, a webhook, or mail addresses. Each takes the events that it is
              set up for.
            </Empty>
          ) : (
            <>
              {add && <div>{add}</div>}
              <Rows label="Channels" columns={['Channel', 'Leads to', 'Takes', 'Last message']} actions={may}>
                {channels.map((channel) => (
                  <Row key={channel.name} project={project} channel={channel} may={may} edit={() => setEdited(channel)} />
                ))}
              </Rows>
            </>
          )
        }
      </Answered>
      <Stuck project={project} may={may} />
      {edited && <ChannelDialog project={project} channel={edited === 'new' ? null : edited} close={() => setEdited(null)} />}
    </div>
  )
}

interface RowProps {
  project: string
  channel: ChannelView
  may: boolean
  edit: () => void
}

function Row({ project, channel, may, edit }: RowProps) {
  const trial = useChange({ act: () => testChannel(project, channel.name), stale: ['channels'] })
  const takes = channel.events.length === EVENTS.length ? 'everything' : channel.events.map((event) => EVENT_WORDS[event] ?? event).join(', ')
  return (
    <>
      <tr>
        <td>
          <span className={table.name}>
            <bdi>{channel.name}</bdi>
          </span>
        </td>
        <td>
          {channel.secret ? (
            <>
              the address in <code>{channel.secret}</code>
            </>
          ) : (
            <span className={table.clip} title={channel.addresses.join(', ')}>
              {channel.addresses.join(', ')}
            </span>
          )}
        </td>
        <td>
          <span className={`${table.clip} ${table.dim}`} title={takes}>
            {takes}
          </span>
        </td>
        <td>
          {channel.failing_since ? (
            <Caution title={channel.problem ?? undefined}>
              takes none since <Moment at={channel.failing_since} />
            </Caution>
          ) : channel.sent_at ? (
            <span className={table.dim}>
              <Moment at={channel.sent_at} />
            </span>
          ) : (
            <span className={table.dim}>none yet</span>
          )}
        </td>
        {may && (
          <td className={table.number}>
            <Button.Group style={{ justifyContent: 'flex-end' }}>
              <Button size="compact-xs" variant="default" loading={trial.isPending} onClick={() => trial.mutate()} aria-label={`Test ${channel.name}`}>
                Test
              </Button>
              <Button size="compact-xs" variant="default" onClick={edit} aria-label={`Change ${channel.name}`}>
                Change
              </Button>
              <Removal label="Remove" title={`Remove the channel ${channel.name}?`} remove={() => removeChannel(project, channel.name)} said={`The channel ${channel.name} is removed`} stale={['channels', 'notices']}>
                What is on its way to it is dropped. Its secret stays; you can set it up again.
              </Removal>
            </Button.Group>
          </td>
        )}
      </tr>
      {trial.data && (
        <tr>
          <td colSpan={5}>
            <Outcome good={trial.data.delivered} title={trial.data.delivered ? `${channel.name} has taken a trial message` : `The trial message did not get through: ${trial.data.problem ?? 'no reason was given'}`} />
          </td>
        </tr>
      )}
    </>
  )
}

/** Messages that did not get through: tried again by themselves for nearly two days, or now. */
function Stuck({ project, may }: { project: string; may: boolean }) {
  const { data } = useQuery(stuckQuery(project))
  const again = useChange({ act: sendAgain, stale: ['notices'], said: () => 'It is tried once more' })
  if (!data?.items.length) return null
  return (
    <Section title="Did not get through">
      <Rows label="Messages that did not get through" columns={['Message', 'To', 'Why', 'Next try']} actions={may}>
        {data.items.map((one) => (
          <tr key={one.id}>
            <td>
              <span className={table.clip} title={one.title}>
                <bdi>{firstLine(one.title)}</bdi>
              </span>
            </td>
            <td className={table.dim}>{one.channel ?? one.person?.replace(/^user:/, '')}</td>
            <td className={table.dim}>
              <span className={table.clip} title={one.problem ?? undefined}>
                <bdi>{one.problem}</bdi>
              </span>
            </td>
            <td className={table.dim}>{one.status === 'failed' ? `given up after ${one.attempts}` : one.next_attempt_at && <Moment at={one.next_attempt_at} />}</td>
            {may && (
              <td className={table.number}>
                <Button size="compact-xs" variant="default" loading={again.isPending && again.variables === one.id} onClick={() => again.mutate(one.id)}>
                  Send it now
                </Button>
              </td>
            )}
          </tr>
        ))}
      </Rows>
    </Section>
  )
}
