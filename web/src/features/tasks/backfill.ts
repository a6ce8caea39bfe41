import { queryOptions } from '@tanstack/react-query'

import { api, ask } from '@/api/client'

/** The latest of a trigger. While one goes on, how far it is changes with every run that it starts. */
export const backfillsQuery = (project: string, task: string, trigger: string) =>
  queryOptions({
    queryKey: ['backfills', project, task, trigger],
    queryFn: async ({ signal }) => {
      const query = { task, trigger, limit: 5 }
      return (await ask(api.GET('/api/v1/projects/{project}/backfills', { params: { path: { project }, query }, signal }))).items
    },
    refetchInterval: ({ state }) => (state.data?.some(({ status }) => status === 'running') ? 2_000 : 60_000),
  })

export function turnBackfill(project: string, backfill: string, act: 'pause' | 'resume' | 'cancel') {
  const params = { path: { project, backfill } }
  switch (act) {
    case 'pause':
      return ask(api.POST('/api/v1/projects/{project}/backfills/{backfill}/pause', { params }))
    case 'resume':
      return ask(api.POST('/api/v1/projects/{project}/backfills/{backfill}/resume', { params }))
    case 'cancel':
      return ask(api.POST('/api/v1/projects/{project}/backfills/{backfill}/cancel', { params }))
  }
}

/** The first moment of a day in a zone: `2026-03-29` in Berlin begins at 23:00 UTC of the day before. */
export function startOfDay(day: string, zone: string): string {
  const noted = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(noted)) return day
  const first = noted - offset(noted, zone)
  // The offset may be another one at the moment that the first guess gave.
  return new Date(noted - offset(first, zone)).toISOString()
}

/** Milliseconds by which a zone's clock is ahead of UTC at a moment. */
function offset(moment: number, zone: string): number {
  const shown = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(moment)
  return Date.parse(`${shown.replace(' ', 'T')}Z`) - Math.floor(moment / 1000) * 1000
}
