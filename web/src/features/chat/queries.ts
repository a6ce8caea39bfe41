import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { JsonValue, SayBody } from '@/api/generated/schema'
import type { Part } from './parts'
import type { Turn } from './talk'

/** Threads, the latest active first, page after page. */
export const threadsQuery = (project: string, q: string) =>
  infiniteQueryOptions({
    queryKey: ['threads', project, 'list', q],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/threads', {
          params: { path: { project }, query: { limit: 40, ...(q ? { q } : {}), ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before,
  })

const at = (project: string, thread: string) => ({ params: { path: { project, thread } } })

export const threadQuery = (project: string, thread: string) =>
  queryOptions({
    queryKey: ['threads', project, thread],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/threads/{thread}', { ...at(project, thread), signal })),
  })

/** Messages in pages back from the newest. */
export const messagesQuery = (project: string, thread: string) =>
  infiniteQueryOptions({
    queryKey: ['messages', project, thread],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET('/api/v1/projects/{project}/threads/{thread}/messages', {
          params: { path: { project, thread }, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    refetchOnMount: 'always',
  })

export const filesQuery = (project: string, thread: string) =>
  queryOptions({
    queryKey: ['messages', project, thread, 'files'],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/projects/{project}/threads/{thread}/attachments', { ...at(project, thread), signal })),
  })

export const commandsQuery = queryOptions({
  queryKey: ['slash-commands'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/slash-commands', { signal })),
  staleTime: Infinity,
})

export const agentsQuery = (project: string) =>
  queryOptions({
    queryKey: ['agents', project],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/projects/{project}/agents', { params: { path: { project } }, signal })),
    staleTime: 60_000,
  })

export const createThread = (project: string, agent: string | null) =>
  ask(api.POST('/api/v1/projects/{project}/threads', { params: { path: { project } }, body: { agent } }))

export const editThread = (project: string, thread: string, change: { title?: string; shared?: boolean; agent?: string }) =>
  ask(api.PUT('/api/v1/projects/{project}/threads/{thread}', { ...at(project, thread), body: change }))

export const deleteThread = (project: string, thread: string) =>
  ask(api.DELETE('/api/v1/projects/{project}/threads/{thread}', at(project, thread)))

export const cancelAnswer = (project: string, thread: string) =>
  ask(api.POST('/api/v1/projects/{project}/threads/{thread}/cancel', at(project, thread)))

/** Sends a turn; gives the stream of its answer. */
export async function send(project: string, thread: string, turn: Turn, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const path = '/api/v1/projects/{project}/threads/{thread}/messages'
  return body(await ask(api.POST(path, { ...at(project, thread), body: bodyOf(turn), parseAs: 'stream', signal })))
}

/** The answer that is being written, from its beginning; null where this server writes none. */
export async function follow(project: string, thread: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array> | null> {
  const path = '/api/v1/projects/{project}/threads/{thread}/stream'
  const came = await ask(api.GET(path, { ...at(project, thread), parseAs: 'stream', signal }))
  return came ? body(came) : null
}

function body(stream: unknown): ReadableStream<Uint8Array> {
  if (stream instanceof ReadableStream) return stream as ReadableStream<Uint8Array>
  throw new Error('The server sent no answer.')
}

export function bodyOf(turn: Turn): SayBody {
  const message = (role: 'user' | 'assistant', parts: readonly Part[], id = '') => ({ id, role, parts: [...parts] })
  switch (turn.kind) {
    case 'say':
      return { trigger: 'submit-message', message: message('user', turn.parts), messageId: turn.replaces ?? null }
    case 'again':
      return { trigger: 'regenerate-message', messageId: turn.message ?? null }
    case 'click':
      return {
        trigger: 'submit-message',
        message: message('assistant', turn.parts.filter(({ state }) => state === 'approval-responded'), turn.message),
      }
  }
}

export const decide = (card: string, digest: string, action: string, values: Record<string, JsonValue>) =>
  ask(api.POST('/api/v1/cards/{card}/confirm', { params: { path: { card } }, body: { digest, action, values } }))

export const attach = (project: string, thread: string, file: File) =>
  ask(
    api.POST('/api/v1/projects/{project}/threads/{thread}/attachments', {
      params: { path: { project, thread }, query: { name: file.name } },
      // The document has bytes as a text; a file goes as it is.
      body: file as unknown as string,
      bodySerializer: (bytes) => bytes,
      headers: { 'Content-Type': 'application/octet-stream' },
    }),
  )

export const detach = (attachment: string) =>
  ask(api.DELETE('/api/v1/attachments/{attachment}', { params: { path: { attachment } } }))

export const validate = (project: string, name: string, source: string) =>
  ask(api.POST('/api/v1/projects/{project}/validate', { params: { path: { project } }, body: { name, source } }))

export const rehearse = (project: string, name: string, source: string, given: Record<string, JsonValue>) =>
  ask(
    api.POST('/api/v1/projects/{project}/dry-run', {
      params: { path: { project } },
      body: { file: { name: `tasks/${name}.yaml`, source }, arguments: given, stubs: {} },
    }),
  )

export const approvalQuery = (approval: string) =>
  queryOptions({
    queryKey: ['approvals', 'one', approval],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/approvals/{approval}', { params: { path: { approval } }, signal })),
  })

export const answerApproval = (approval: string, choice: string, form: Record<string, JsonValue>, note: string | null) =>
  ask(
    api.POST('/api/v1/approvals/{approval}/answer', {
      params: { path: { approval } },
      body: { choice, form: form as Record<string, never>, note },
    }),
  )
