import { Button } from '@mantine/core'
import { type ErrorComponentProps, Link, useRouter } from '@tanstack/react-router'

import { Screen } from '@/ui/Screen'
import { Empty, Failure } from '@/ui/states'

/** No screen has this address. */
export function Lost() {
  return (
    <Screen title="Nothing here">
      <Empty title="No screen has this address" action={<Button component={Link} to="/">Go home</Button>}>
        It may have been moved, or the address was cut off.
      </Empty>
    </Screen>
  )
}

/** The same where no project is around it. */
export function LostOutside() {
  return (
    <main>
      <Lost />
    </main>
  )
}

/** A screen could not be shown. */
export function RouteFailure({ error }: ErrorComponentProps) {
  const router = useRouter()
  return (
    <Screen title="Errands">
      <Failure error={error} retry={() => void router.invalidate()} />
    </Screen>
  )
}
