import type { JsonValue } from '@/api/generated/schema'
import { RecordedValue } from '@/ui/JsonValue'
import type { Card } from '../parts'
import { ActCard } from './ActCard'
import { ApprovalCard } from './ApprovalCard'
import { DraftCard } from './DraftCard'
import { FormCard } from './FormCard'
import { ApprovalsCard, RunsCard, TasksCard } from './ListCards'
import { Firings, type FiringsData } from './Firings'
import { CardFrame } from './CardFrame'
import { Rehearsal } from './Rehearsal'
import { RunCard } from './RunCard'

/** The card that shows this. */
export function CardOf({ card }: { card: Card }) {
  const { kind, data } = card
  switch (kind) {
    case 'task':
    case 'agent':
      return <DraftCard card={card} />
    case 'form':
      return <FormCard card={card} />
    case 'approval':
      return <ApprovalCard card={card} />
    case 'act':
      return <ActCard card={card} />
    case 'run':
      return <RunCard run={String(data.run)} task={String(data.task)} />
    case 'runs':
      return <RunsCard data={data} />
    case 'tasks':
      return <TasksCard data={data} />
    case 'approvals':
      return <ApprovalsCard data={data} />
    case 'firings':
      return (
        <CardFrame label="Next firings">
          <Firings data={data as unknown as FiringsData} />
        </CardFrame>
      )
    case 'rehearsal':
      return (
        <CardFrame label="Dry run">
          <Rehearsal data={data} />
        </CardFrame>
      )
    default:
      return (
        <CardFrame label={kind}>
          <RecordedValue value={data as JsonValue} label={kind} />
        </CardFrame>
      )
  }
}
