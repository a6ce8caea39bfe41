import ReactMarkdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'

import classes from './Markdown.module.css'

const COMPONENTS: Components = {
  // A picture from elsewhere would tell its server who reads this.
  img: ({ alt, src }) => <span className={classes.picture}>[picture: {alt || String(src ?? '')}]</span>,
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
      {children}
    </a>
  ),
}

export default function RenderedMarkdown({ text }: { text: string }) {
  return (
    <div className={classes.markdown} dir="auto">
      <ReactMarkdown remarkPlugins={[remarkGfm]} components={COMPONENTS} skipHtml>
        {text}
      </ReactMarkdown>
    </div>
  )
}
