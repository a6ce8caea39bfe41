import { queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { JsonValue } from '@/api/generated/schema'

export const templatesQuery = queryOptions({
  queryKey: ['templates'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/templates', { signal })),
  staleTime: Infinity,
})

export const templateQuery = (template: string) =>
  queryOptions({
    queryKey: ['templates', template],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/templates/{template}', { params: { path: { template } }, signal })),
    staleTime: Infinity,
  })

/** Rehearses a template with its sample data. */
export const attempt = (template: string) => ask(api.POST('/api/v1/templates/{template}/try', { params: { path: { template } } }))

export interface Adoption {
  project: string
  template: string
  answers: Record<string, JsonValue>
  /** Another name for its task. */
  task: string | null
  publish: boolean
  dryRun: boolean
}

/** Brings a template into a project, or tells what would change. */
export const adopt = ({ project, template, answers, task, publish, dryRun }: Adoption) =>
  ask(
    api.POST('/api/v1/projects/{project}/templates/{template}/adopt', {
      params: { path: { project, template } },
      body: { answers, task, publish, dry_run: dryRun },
    }),
  )
