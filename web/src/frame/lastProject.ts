const KEY = 'errands.project'

/** The project that this browser showed last. */
export const lastProject = {
  get: (): string | null => localStorage.getItem(KEY),
  set: (project: string): void => localStorage.setItem(KEY, project),
}
