import { Modal } from '@mantine/core'

import { useLiveRun } from '@/api/liveRun'
import { useFocusBack } from '@/ui/focusBack'
import { Answered } from '@/ui/states'
import { Rerun } from './Rerun'

/** Asks before a run is done again of which only its line in a list is known. */
export default function RerunById({ project, run, close }: { project: string; run: string; close: () => void }) {
  useFocusBack()
  const { query } = useLiveRun(run, false)
  if (query.data) return <Rerun project={project} run={query.data} from={null} close={close} />
  return (
    <Modal opened onClose={close} size="lg" title="Rerun from the beginning?">
      <Answered query={query} rows={3}>
        {() => null}
      </Answered>
    </Modal>
  )
}
