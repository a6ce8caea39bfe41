import { useMutation, useQueryClient } from '@tanstack/react-query'

import { done, failed } from './toast'

interface ChangeOptions<Given, Got> {
  act: (given: Given) => Promise<Got>
  /** First words of the keys of what is out of date now. */
  stale: readonly string[]
  /** What was done, in a sentence. Nothing: it shows by itself. */
  said?: (got: Got, given: Given) => string
  then?: (got: Got, given: Given) => void
  /** A form shows what was refused by itself, at its fields. */
  inForm?: boolean
}

/** A change on the server: told when it is done, and what it makes out of date is asked for again. */
export function useChange<Given = void, Got = unknown>({ act, stale, said, then, inForm = false }: ChangeOptions<Given, Got>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSuccess: (got, given) => {
      if (said) done(said(got, given))
      void client.invalidateQueries({ predicate: ({ queryKey }) => stale.includes(String(queryKey[0])) })
      then?.(got, given)
    },
    onError: (error) => {
      if (!inForm) failed(error)
    },
  })
}
