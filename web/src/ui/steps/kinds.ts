/** Kinds of steps as the editor names them, by how records name them. */
const NAMES: Record<string, string> = { transform: 'python', approve: 'approval', wait_for: 'event', run: 'task', subtask: 'task' }

export const kindOfRecord = (kind: string): string => NAMES[kind] ?? kind.replaceAll('_', ' ')
