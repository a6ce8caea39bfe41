import { Door } from '@/features/doors/Door'

/** Somebody who is a member of no project. */
export function NoProject() {
  return (
    <Door
      title="You are in no project yet"
      about="Ask the owner of a project, or an administrator, to make you a member. Then come back to this address."
    >
      {null}
    </Door>
  )
}
