import { lazy, Suspense } from 'react'

const Rendered = lazy(() => import('./RenderedMarkdown'))

/** Text of a person or a model as Markdown: no raw HTML, nothing loaded from elsewhere. */
export function Markdown({ text }: { text: string }) {
  return (
    <Suspense fallback={<div style={{ whiteSpace: 'pre-wrap' }}>{text}</div>}>
      <Rendered text={text} />
    </Suspense>
  )
}
