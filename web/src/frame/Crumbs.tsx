import { Link, useLocation } from '@tanstack/react-router'
import { Fragment } from 'react'

import { shortId } from '@/ui/format'
import classes from './Frame.module.css'

/** Where the reader is, from the address alone. */
export function Crumbs() {
  const { pathname } = useLocation()
  const parts = pathname.split('/').filter(Boolean).slice(1)
  const crumbs = parts.map((part, place) => ({
    path: `/p/${parts.slice(0, place + 1).join('/')}`,
    label: place === 0 ? decodeURIComponent(part) : named(decodeURIComponent(part), parts[place - 1]),
  }))
  return (
    <nav aria-label="Breadcrumb" className={classes.crumbs} data-deep={crumbs.length > 2 || undefined}>
      {crumbs.map(({ path, label }, place) => (
        <Fragment key={path}>
          {place > 0 && <span aria-hidden>/</span>}
          <Link to={path} data-parent={place === crumbs.length - 2 || undefined} activeOptions={{ exact: true, includeSearch: false }} activeProps={{ 'aria-current': 'page' }}>
            <bdi>{label}</bdi>
          </Link>
        </Fragment>
      ))}
    </nav>
  )
}

/** After these a name stands. */
const NAMED = new Set(['tasks', 'agents', 'models', 'servers'])

/** Nouns of the address in words; names as they are, ids short. */
function named(part: string, before: string | undefined): string {
  if (/^(run|apr|thr)_/.test(part)) return shortId(part)
  return NAMED.has(before ?? '') ? part : part.charAt(0).toUpperCase() + part.slice(1).replaceAll('-', ' ')
}
