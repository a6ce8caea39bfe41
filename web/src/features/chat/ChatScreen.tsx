import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'

import { projectQuery } from '@/api/queries'
import { Screen } from '@/ui/Screen'
import { Answered } from '@/ui/states'
import classes from './Chat.module.css'
import { NewThread } from './NewThread'
import { threadQuery } from './queries'
import { ThreadList } from './ThreadList'
import { ThreadPane } from './ThreadPane'

const start = getRouteApi('/inside/p/$project/chat')
const opened = getRouteApi('/inside/p/$project/chat/$thread')

/** Where a conversation begins, beside those that there are. */
export function ChatScreen() {
  const { project } = start.useParams()
  const { q, list } = start.useSearch()
  const { data: own } = useQuery(projectQuery(project))
  return (
    <div className={classes.chat} data-list={list}>
      <ThreadList project={project} chosen={null} q={q ?? ''} alone={list} />
      {own && <NewThread key={project} project={project} may={own.rights.includes('chat.use')} />}
    </div>
  )
}

/** One conversation. */
export function ThreadScreen() {
  const { project, thread } = opened.useParams()
  const { q } = opened.useSearch()
  const query = useQuery(threadQuery(project, thread))
  return (
    <div className={classes.chat}>
      <ThreadList project={project} chosen={thread} q={q ?? ''} />
      {query.data ? (
        <ThreadPane key={thread} project={project} thread={query.data} />
      ) : (
        <Screen title="Chat">
          <Answered query={query} rows={10}>
            {() => null}
          </Answered>
        </Screen>
      )}
    </div>
  )
}
