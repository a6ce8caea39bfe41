import { type FetchQueryOptions, type QueryKey, useQueryClient } from '@tanstack/react-query'

import { useChange } from '@/ui/change'
import { type Edited, useEdited } from './edited'
import { problemsOf } from './problems'

interface SavingOptions<Stored, Fields, Key extends QueryKey> {
  stored: Stored
  fieldsOf: (stored: Stored) => Fields
  /** What differs where the server has another one than the one that is edited. */
  mark: (stored: Stored) => string
  /** The question that is answered with it. */
  query: FetchQueryOptions<Stored, Error, Stored, Key>
  put: (edited: Edited<Stored, Fields>) => Promise<Stored>
  /** First words of the keys of what is out of date once it is saved. */
  stale: readonly string[]
  said: (now: Stored) => string
}

/** The form of a thing that is there: its fields, saving them, and what was found wrong with them. */
export function useSaving<Stored, Fields extends object, Key extends QueryKey>({ stored, fieldsOf, mark, query, put, stale, said }: SavingOptions<Stored, Fields, Key>) {
  const edited = useEdited(stored, fieldsOf, mark)
  const client = useQueryClient()
  const save = useChange({
    act: () => put(edited),
    stale,
    said,
    then: (now) => {
      client.setQueryData<Stored>(query.queryKey as QueryKey, now)
      edited.restart(now)
    },
    inForm: true,
  })
  /** Begin again with what the server has. */
  const reload = () => {
    save.reset()
    void client.fetchQuery({ ...query, staleTime: 0 }).then(edited.restart)
  }
  return { edited, save, reload, problems: problemsOf(save.error) }
}
