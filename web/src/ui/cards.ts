import type { CSSProperties } from 'react'

/**
 * What a table needs to become cards on a telephone: the style sheet puts the headings before the values.
 * `acts`: the last column holds buttons.
 */
export function cards(columns: readonly string[], acts = false) {
  const headings = columns.map((column, place) => [`--column-${place + 1}`, JSON.stringify(column.replace('#', ''))])
  return { 'data-cards': true, 'data-acts': acts || undefined, style: Object.fromEntries(headings) as CSSProperties }
}
