import { Button, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'

import { Refusal } from '@/api/client'
import { type FieldSchema, fieldsOf, type Values } from '@/ui/form/schema'
import { SchemaForm } from '@/ui/form/SchemaForm'
import { IconCheck, IconPlayerPlayFilled } from '@/ui/icons'
import type { Card } from '../parts'
import { CardFrame } from './CardFrame'
import { ClickRefused, Dismiss, Idle } from './Clicks'
import { RunCard } from './RunCard'
import { resultOf, useDecision } from './useDecision'

/** A run that waits for its arguments, or for the person's word. */
export function FormCard({ card }: { card: Card }) {
  const decision = useDecision(card)
  const { standing, may, click } = decision
  const task = String(card.data.task)
  const schema = (card.data.schema ?? {}) as FieldSchema
  const [values, setValues] = useState<Values>((card.data.arguments ?? {}) as Values)
  const run = resultOf(standing, 'run')
  const reason = resultOf(standing, 'reason')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    click.mutate({ action: 'run', values })
  }
  const errors = click.error instanceof Refusal ? click.error.byPath : {}
  return (
    <>
      <form onSubmit={submit} noValidate>
        <CardFrame
          label="Run"
          title={task}
          Icon={IconPlayerPlayFilled}
          standing={standing?.state === 'done' && <><IconCheck size={14} aria-hidden /> Started</>}
          actions={
            may && (
              <>
                <Button type="submit" size="compact-md" loading={decision.doing('run')} disabled={click.isPending}>
                  Start the run
                </Button>
                <Dismiss decision={decision} />
              </>
            )
          }
        >
          {standing?.state !== 'done' && typeof card.data.text === 'string' && <Text size="sm">{card.data.text}</Text>}
          {may && fieldsOf(schema).length > 0 && <SchemaForm schema={schema} values={values} onChange={setValues} errors={errors} disabled={click.isPending} />}
          {typeof reason === 'string' && <Text size="sm">{reason}</Text>}
          <ClickRefused decision={decision} />
          <Idle decision={decision} />
        </CardFrame>
      </form>
      {typeof run === 'string' && <RunCard run={run} task={task} />}
    </>
  )
}
