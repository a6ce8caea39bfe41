import helper from '../../../../src/errands/cli/starter/files/agents/helper.yaml?raw'
import small from '../../../../src/errands/cli/starter/files/models/small.yaml?raw'
import hello from '../../../../src/errands/cli/starter/files/tasks/hello.yaml?raw'

import { api, ask } from '@/api/client'
import { newKey } from '@/api/key'
import { startRun } from '@/api/runs'

const TASK = 'hello'
/** The files that `errands init` writes, too; without the line for editors, which names a file that is not here. */
const FILES = { [`tasks/${TASK}.yaml`]: hello, 'agents/helper.yaml': helper, 'models/small.yaml': small }

/** Bring the sample task into the project and run it; gives the run. */
export async function runSample(project: string): Promise<string> {
  const files = Object.entries(FILES).map(([name, text]) => ({ name, source: text.replace(/^# yaml-language-server:.*\n/, '') }))
  await ask(api.POST('/api/v1/projects/{project}/files', { params: { path: { project } }, body: { files, message: 'A sample to begin with', publish: true, dry_run: false } }))
  const { id } = await startRun(project, TASK, {}, null, newKey())
  return id
}
