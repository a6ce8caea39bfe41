import { type DragEvent, useState } from 'react'

import type { FilePath } from '@/ui/steps/outline'
import { asPath } from './definition'

type Half = 'before' | 'after'

export interface Drag {
  /** Where a step would land beside this one; undefined: not here. */
  dropAt: (path: FilePath) => Half | undefined
  handlers: (path: FilePath) => {
    draggable: boolean
    onDragStart: (event: DragEvent) => void
    onDragOver: (event: DragEvent) => void
    onDragLeave: () => void
    onDrop: (event: DragEvent) => void
    onDragEnd: () => void
  }
}

/** Steps are dragged before or after others, in their own block or another; what the keyboard does with Alt and arrows. */
export function useDrag(onMove: (from: FilePath, block: FilePath, index: number) => void): Drag {
  const [from, setFrom] = useState<FilePath | null>(null)
  const [over, setOver] = useState<{ path: string; half: Half } | null>(null)
  const end = () => {
    setFrom(null)
    setOver(null)
  }
  return {
    dropAt: (path) => (from && over?.path === asPath(path) ? over.half : undefined),
    handlers: (path) => ({
      draggable: true,
      onDragStart: (event) => {
        event.dataTransfer.effectAllowed = 'move'
        event.dataTransfer.setData('text/plain', asPath(path))
        setFrom(path)
      },
      onDragOver: (event) => {
        if (!from || isIn(path, from)) return
        event.preventDefault()
        const half = halfOf(event)
        if (over?.path !== asPath(path) || over.half !== half) setOver({ path: asPath(path), half })
      },
      onDragLeave: () => setOver(null),
      onDrop: (event) => {
        event.preventDefault()
        if (from && !isIn(path, from)) onMove(from, path.slice(0, -1), Number(path.at(-1)) + (halfOf(event) === 'after' ? 1 : 0))
        end()
      },
      onDragEnd: end,
    }),
  }
}

function halfOf(event: DragEvent): Half {
  const box = event.currentTarget.getBoundingClientRect()
  return event.clientY < box.top + box.height / 2 ? 'before' : 'after'
}

/** A step is not moved onto itself, nor into what stands in it. */
const isIn = (path: FilePath, from: FilePath): boolean => from.every((part, place) => path[place] === part)
