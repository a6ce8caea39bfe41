import { useMutation } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'

import { api, ask } from '@/api/client'
import { session } from '@/api/session'
import { Door } from './Door'
import { NewPassword } from './NewPassword'

const route = getRouteApi('/password')

/** Where a link of an administrator leads: the person chooses a password, and is in. */
export function PasswordScreen() {
  const { link } = route.useSearch()
  const navigate = useNavigate()
  const choose = useMutation({
    mutationFn: (password: string) => ask(api.POST('/api/v1/password', { body: { link: link ?? '', password } })),
    onSuccess: () => {
      session.began()
      void navigate({ to: '/', replace: true })
    },
  })
  return (
    <Door title="Choose a password" about="The link that brought you here works once.">
      <NewPassword
        submitLabel="Choose it and sign in"
        pending={choose.isPending}
        error={choose.error}
        onSubmit={(password) => choose.mutate(password)}
      />
    </Door>
  )
}
