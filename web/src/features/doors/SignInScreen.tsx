import { getRouteApi, useRouter } from '@tanstack/react-router'

import { session } from '@/api/session'
import { SignInForm } from '@/ui/SignInForm'
import { Door } from './Door'

const route = getRouteApi('/sign-in')

/** Where somebody comes in who has an account. */
export function SignInScreen() {
  const { next } = route.useSearch()
  const router = useRouter()
  const signedIn = () => {
    session.began()
    router.history.push(ownAddress(next))
  }
  return (
    <Door title="Sign in">
      <SignInForm onSignedIn={signedIn} next={ownAddress(next)} />
    </Door>
  )
}

/** Only an address of this page: a link must not lead elsewhere after the sign-in. */
export function ownAddress(next: string | undefined): string {
  return next && /^\/(?![/\\])/.test(next) ? next : '/'
}
