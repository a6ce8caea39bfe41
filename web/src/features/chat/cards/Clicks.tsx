import { Button, Group, Text } from '@mantine/core'
import { useState } from 'react'

import { isStatus } from '@/api/client'
import { heldBack } from '@/api/gates'
import { GateClosed } from '@/ui/gate/GateClosed'
import { person } from '@/ui/triggers'
import { useDesk } from '../desk'
import { Refused } from '../Refused'
import type { Decision } from './useDecision'

/** The way out of every card that waits. */
export function Dismiss({ decision }: { decision: Decision }) {
  return (
    <Button
      size="compact-md"
      variant="subtle"
      color="gray"
      loading={decision.doing('dismiss')}
      disabled={decision.click.isPending}
      onClick={() => decision.click.mutate({ action: 'dismiss' })}
    >
      Dismiss
    </Button>
  )
}

/** Why a click was refused: the card is open again where it can be tried again. */
export function ClickRefused({ decision }: { decision: Decision }) {
  const { error } = decision.click
  if (!error) return null
  const held = heldBack(error)
  if (held) return <HeldBack decision={decision} runs={held} />
  // 412: the version that it would change is not the newest any more.
  const what = isStatus(error, 409) || isStatus(error, 412)
    ? 'It has changed meanwhile'
    : isStatus(error, 404)
      ? 'It is not there any more'
      : isStatus(error, 403)
        ? 'You may not do this'
        : 'It was not done'
  return <Refused error={error} what={what} close={() => decision.click.reset()} />
}

/** A gate is closed: the same click again, once the person has said why it is passed. */
function HeldBack({ decision: { click }, runs }: { decision: Decision; runs: { run: string; why: string }[] }) {
  const { project } = useDesk()
  const [reason, setReason] = useState('')
  const action = click.variables?.action ?? 'publish'
  return (
    <div>
      <GateClosed project={project} runs={runs} reason={reason} onReason={setReason} />
      <Group gap="xs">
        <Button size="compact-md" disabled={!reason.trim()} onClick={() => click.mutate({ action, values: { overrule: reason.trim() } })}>
          Overrule and publish
        </Button>
        <Button size="compact-md" variant="subtle" color="gray" onClick={() => click.reset()}>
          Leave it
        </Button>
      </Group>
    </div>
  )
}

/** Why there is nothing to click. */
export function Idle({ decision }: { decision: Decision }) {
  const { mine } = useDesk()
  const { standing } = decision
  if (!standing) return null
  if (standing.state === 'dismissed') {
    return (
      <Text size="xs" c="dimmed">
        {standing.by ? `Dismissed by ${person(standing.by)}` : 'Put aside: the conversation went on without it'}
      </Text>
    )
  }
  if (standing.state === 'open' && !mine) {
    return (
      <Text size="xs" c="dimmed">
        Waits for a click of who talks here
      </Text>
    )
  }
  return null
}
