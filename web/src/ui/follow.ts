import { useRouter } from '@tanstack/react-router'
import { type MouseEvent, useCallback } from 'react'

/**
 * Follows plain links within the page, for what is put around them. A link of the router listens to every change of the address;
 * a list holds hundreds, of which at most one is clicked.
 */
export function useFollow(): (event: MouseEvent) => void {
  const router = useRouter()
  return useCallback(
    (event) => {
      const link = event.target instanceof Element ? event.target.closest('a') : null
      const href = link?.getAttribute('href')
      if (!href?.startsWith('/') || link?.hasAttribute('download') || event.defaultPrevented) return
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
      event.preventDefault()
      router.history.push(href)
    },
    [router],
  )
}

const inProject = (project: string, ...parts: readonly string[]): string => ['', 'p', ...[project, ...parts].map(encodeURIComponent)].join('/')

export const runAddress = (project: string, run: string): string => inProject(project, 'runs', run)
export const taskAddress = (project: string, task: string): string => inProject(project, 'tasks', task)
export const runFormAddress = (project: string, task: string): string => inProject(project, 'tasks', task, 'run')
