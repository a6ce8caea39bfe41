import { Code, Text } from '@mantine/core'

import { Screen } from '@/ui/Screen'
import { Empty } from '@/ui/states'

/** A project without tasks: what to do first. */
export function FirstSteps({ project }: { project: string }) {
  return (
    <Screen title="Home">
      <Empty title="This project has no task yet">
        <Text>
          A task is a file of steps that runs on demand or by itself. Apply the first one from the command line, and it
          appears here at once:
        </Text>
        <Code block mt="sm">
          {`errands init\nerrands apply -f tasks/ --project ${project}`}
        </Code>
      </Empty>
    </Screen>
  )
}
