import { infiniteQueryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { ServerRole } from '@/api/generated/schema'

export const SERVER_ROLES: { value: ServerRole; label: string }[] = [
  { value: 'member', label: 'Member: what projects give' },
  { value: 'auditor', label: 'Auditor: reads the log' },
  { value: 'admin', label: 'Administrator: everything' },
]
/** First words of the keys that a change of an account makes out of date. */
export const STALE = ['people', 'members']

/** Accounts by name, page after page. */
export const accountsQuery = infiniteQueryOptions({
  queryKey: ['people', 'list'],
  queryFn: ({ pageParam, signal }) => ask(api.GET('/api/v1/people', { params: { query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
  initialPageParam: '',
  getNextPageParam: (page) => page.next_cursor,
})

const of = (person: string) => ({ params: { path: { person } } })

export interface NewAccount {
  title: string | null
  email: string | null
  server_role: ServerRole
}

/** Make an account without a password: its person chooses one with a link. */
export const makeAccount = (person: string, { title, email, server_role }: NewAccount) =>
  ask(api.POST('/api/v1/people/{person}', { ...of(person), body: { title, email, server_role, password: null } }))

/** A link with which the person chooses a password; earlier links work no longer. */
export async function passwordLink(person: string): Promise<{ url: string; expires_at: string }> {
  const { secret, expires_at } = await ask(api.POST('/api/v1/people/{person}/password-link', of(person)))
  return { url: `${location.origin}/password?link=${encodeURIComponent(secret)}`, expires_at }
}

export const setServerRole = (person: string, role: ServerRole) =>
  ask(api.PUT('/api/v1/people/{person}/role', { ...of(person), body: { role } }))

export const letIn = (person: string, allowed: boolean) =>
  allowed ? ask(api.POST('/api/v1/people/{person}/enable', of(person))) : ask(api.POST('/api/v1/people/{person}/disable', of(person)))
