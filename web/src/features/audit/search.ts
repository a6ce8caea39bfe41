export interface AuditSearch {
  actor?: string | undefined
  verb?: string | undefined
  outcome?: 'done' | 'denied' | 'failed' | undefined
}

const text = (value: unknown): string | undefined => (value === undefined || value === '' ? undefined : String(value))

export const auditSearch = (search: Record<string, unknown>): AuditSearch => ({
  actor: text(search.actor),
  verb: text(search.verb),
  outcome: (['done', 'denied', 'failed'] as const).find((one) => one === search.outcome),
})
