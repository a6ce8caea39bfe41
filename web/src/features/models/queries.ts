import { queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'
import type { ModelFieldsBody, SharedModelFieldsBody } from '@/api/generated/schema'

/** Whose a model is: a project's, or (null) the server's. */
export type Owner = string | null

export const modelQuery = (owner: Owner, model: string) =>
  queryOptions({
    queryKey: ['models', owner, model],
    queryFn: ({ signal }) =>
      owner === null
        ? ask(api.GET('/api/v1/models/{model}', { params: { path: { model } }, signal }))
        : ask(api.GET('/api/v1/projects/{project}/models/{model}', { params: { path: { project: owner, model } }, signal })),
  })

const began = (digest: string | null) => (digest === null ? {} : { 'if-match': `"${digest}"` })

/** `digest`: of the model that was edited. Null: a new one. */
export const putModel = (
  owner: Owner,
  model: string,
  body: ModelFieldsBody,
  whose: Pick<SharedModelFieldsBody, 'projects' | 'least_role'>,
  digest: string | null,
) =>
  owner === null
    ? ask(api.PUT('/api/v1/models/{model}', { params: { path: { model }, header: began(digest) }, body: { ...body, ...whose } }))
    : ask(
        api.PUT('/api/v1/projects/{project}/models/{model}', {
          params: { path: { project: owner, model }, header: began(digest) },
          body,
        }),
      )

export const removeModel = (owner: Owner, model: string) =>
  owner === null
    ? ask(api.DELETE('/api/v1/models/{model}', { params: { path: { model } } }))
    : ask(api.DELETE('/api/v1/projects/{project}/models/{model}', { params: { path: { project: owner, model } } }))

/** A tiny real request. */
export const tryModel = (owner: Owner, model: string) =>
  owner === null
    ? ask(api.POST('/api/v1/models/{model}/try', { params: { path: { model } } }))
    : ask(api.POST('/api/v1/projects/{project}/models/{model}/try', { params: { path: { project: owner, model } } }))
