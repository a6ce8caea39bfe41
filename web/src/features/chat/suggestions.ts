import type { CommandView } from '@/api/generated/schema'

/** Something to choose while a command is typed. */
export interface Suggestion {
  /** What stands in the list. */
  label: string
  about: string
  /** The whole text after it was chosen. */
  text: string
}

const MOST = 8

/** What goes on from what was typed: the commands, then the tasks where a command takes one. */
export function suggestions(typed: string, commands: readonly CommandView[], tasks: readonly { name: string; description: string }[]): Suggestion[] {
  const command = /^\/(\S*)$/.exec(typed)
  if (command) {
    const begun = String(command[1]).toLowerCase()
    const found = commands.filter(({ name }) => name.startsWith(begun))
    if (found.length === 1 && found[0]?.name === begun) return []
    return found.map(({ name, usage, about }) => ({
      label: usage,
      about,
      text: takesMore(usage) ? `/${name} ` : `/${name}`,
    }))
  }
  const task = /^\/(\S+)\s+([^\s=]*)$/.exec(typed)
  const taking = TAKES_TASK.exec(commandOf(typed, commands)?.usage ?? '')
  if (!task || !taking) return []
  const begun = String(task[2]).toLowerCase()
  // Where none need be named, the command alone is as good.
  if (taking[1] && begun === '') return []
  const found = tasks.filter(({ name }) => name.includes(begun))
  if (found.length === 1 && found[0]?.name === begun) return []
  return found.slice(0, MOST).map(({ name, description }) => ({ label: name, about: description, text: `/${task[1]} ${name} ` }))
}

/** The command that a text begins with. */
export function commandOf(typed: string, commands: readonly CommandView[]): CommandView | undefined {
  const name = /^\/(\S+)/.exec(typed)?.[1]?.toLowerCase()
  return commands.find((one) => one.name === name)
}

const takesMore = (usage: string): boolean => usage.includes(' ')
const TAKES_TASK = /^\/\S+ (\[)?TASK/

/** A text as one word of a command. */
export const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
