import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'

import { isStatus } from './api/client'
import { meQuery, projectsQuery } from './api/queries'
import { session } from './api/session'
import { alarmsSearch } from './features/alarms/search'
import { auditSearch } from './features/audit/search'
import { chatSearch } from './features/chat/search'
import { inboxSearch } from './features/inbox/search'
import { insightsSearch } from './features/insights/search'
import { modelSearch } from './features/models/search'
import { compareSearch, runSearch, runsSearch } from './features/runs/search'
import { runFormSearch, taskSearch, tasksSearch } from './features/tasks/search'
import { serverSearch, toolsSearch } from './features/tools/search'
import { Frame } from './frame/Frame'
import { lastProject } from './frame/lastProject'
import { Lost, LostOutside, RouteFailure } from './frame/Lost'
import { Loading } from './ui/states'

interface Context {
  queryClient: QueryClient
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined)

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: LostOutside })

const signIn = createRoute({
  getParentRoute: () => root,
  path: 'sign-in',
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({ next: text(search.next) }),
  component: lazyRouteComponent(() => import('./features/doors/SignInScreen'), 'SignInScreen'),
})

const linkSearch = (search: Record<string, unknown>): { link?: string } => ({ link: text(search.link) })

const setup = createRoute({
  getParentRoute: () => root,
  path: 'setup',
  validateSearch: linkSearch,
  component: lazyRouteComponent(() => import('./features/doors/SetupScreen'), 'SetupScreen'),
})

const password = createRoute({
  getParentRoute: () => root,
  path: 'password',
  validateSearch: linkSearch,
  component: lazyRouteComponent(() => import('./features/doors/PasswordScreen'), 'PasswordScreen'),
})

/** Everything that only somebody who is signed in sees. */
const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(meQuery)
      session.began()
    } catch (error) {
      if (isStatus(error, 401)) throw redirect({ to: '/sign-in', search: { next: location.href } })
      throw error
    }
  },
})

const start = createRoute({
  getParentRoute: () => inside,
  path: '/',
  beforeLoad: async ({ context }) => {
    const projects = await context.queryClient.ensureQueryData(projectsQuery)
    const project = projects.find((name) => name === lastProject.get()) ?? projects[0]
    if (project) throw redirect({ to: '/p/$project', params: { project }, replace: true })
  },
  component: lazyRouteComponent(() => import('./features/home/NoProject'), 'NoProject'),
})

const project = createRoute({ getParentRoute: () => inside, path: 'p/$project', component: Frame, notFoundComponent: Lost })

const home = createRoute({
  getParentRoute: () => project,
  path: '/',
  component: lazyRouteComponent(() => import('./features/home/HomeScreen'), 'HomeScreen'),
})

const tasks = createRoute({
  getParentRoute: () => project,
  path: 'tasks',
  validateSearch: tasksSearch,
  component: lazyRouteComponent(() => import('./features/tasks/TasksScreen'), 'TasksScreen'),
})

const task = createRoute({
  getParentRoute: () => project,
  path: 'tasks/$task',
  validateSearch: taskSearch,
  component: lazyRouteComponent(() => import('./features/tasks/TaskScreen'), 'TaskScreen'),
})

const edit = createRoute({
  getParentRoute: () => project,
  path: 'tasks/$task/edit',
  component: lazyRouteComponent(() => import('./features/editor/EditorScreen'), 'EditorScreen'),
})

const newTask = createRoute({
  getParentRoute: () => project,
  path: 'new-task',
  component: lazyRouteComponent(() => import('./features/editor/EditorScreen'), 'NewTaskScreen'),
})

const templates = createRoute({
  getParentRoute: () => project,
  path: 'templates',
  component: lazyRouteComponent(() => import('./features/templates/TemplatesScreen'), 'TemplatesScreen'),
})

const template = createRoute({
  getParentRoute: () => project,
  path: 'templates/$template',
  component: lazyRouteComponent(() => import('./features/templates/TemplateScreen'), 'TemplateScreen'),
})

const runForm = createRoute({
  getParentRoute: () => project,
  path: 'tasks/$task/run',
  validateSearch: runFormSearch,
  component: lazyRouteComponent(() => import('./features/tasks/RunFormScreen'), 'RunFormScreen'),
})

const runs = createRoute({
  getParentRoute: () => project,
  path: 'runs',
  validateSearch: runsSearch,
  component: lazyRouteComponent(() => import('./features/runs/RunsScreen'), 'RunsScreen'),
})

const run = createRoute({
  getParentRoute: () => project,
  path: 'runs/$run',
  validateSearch: runSearch,
  component: lazyRouteComponent(() => import('./features/runs/RunScreen'), 'RunScreen'),
})

const compare = createRoute({
  getParentRoute: () => project,
  path: 'runs/$run/compare',
  validateSearch: compareSearch,
  component: lazyRouteComponent(() => import('./features/runs/CompareScreen'), 'CompareScreen'),
})

const inbox = createRoute({
  getParentRoute: () => project,
  path: 'inbox',
  validateSearch: inboxSearch,
  component: lazyRouteComponent(() => import('./features/inbox/InboxScreen'), 'InboxScreen'),
})

const chat = createRoute({
  getParentRoute: () => project,
  path: 'chat',
  validateSearch: chatSearch,
  component: lazyRouteComponent(() => import('./features/chat/ChatScreen'), 'ChatScreen'),
})

const thread = createRoute({
  getParentRoute: () => project,
  path: 'chat/$thread',
  validateSearch: chatSearch,
  component: lazyRouteComponent(() => import('./features/chat/ChatScreen'), 'ThreadScreen'),
})

const schedule = createRoute({
  getParentRoute: () => project,
  path: 'schedule',
  component: lazyRouteComponent(() => import('./features/schedule/ScheduleScreen'), 'ScheduleScreen'),
})

const calendars = createRoute({
  getParentRoute: () => project,
  path: 'calendars',
  component: lazyRouteComponent(() => import('./features/calendars/CalendarsScreen'), 'CalendarsScreen'),
})

const insights = createRoute({
  getParentRoute: () => project,
  path: 'insights',
  validateSearch: insightsSearch,
  component: lazyRouteComponent(() => import('./features/insights/InsightsScreen'), 'InsightsScreen'),
})

const secrets = createRoute({
  getParentRoute: () => project,
  path: 'secrets',
  component: lazyRouteComponent(() => import('./features/secrets/SecretsScreen'), 'SecretsScreen'),
})

const members = createRoute({
  getParentRoute: () => project,
  path: 'members',
  component: lazyRouteComponent(() => import('./features/members/MembersScreen'), 'MembersScreen'),
})

const accounts = createRoute({
  getParentRoute: () => project,
  path: 'members/accounts',
  component: lazyRouteComponent(() => import('./features/members/AccountsScreen'), 'AccountsScreen'),
})

const audit = createRoute({
  getParentRoute: () => project,
  path: 'audit',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('./features/audit/AuditScreen'), 'AuditScreen'),
})

const serverAudit = createRoute({
  getParentRoute: () => inside,
  path: 'audit',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('./features/audit/ServerAuditScreen'), 'ServerAuditScreen'),
})

const settings = createRoute({
  getParentRoute: () => project,
  path: 'settings',
  component: lazyRouteComponent(() => import('./features/settings/SettingsScreen'), 'SettingsScreen'),
})

const alarms = createRoute({
  getParentRoute: () => project,
  path: 'alarms',
  validateSearch: alarmsSearch,
  component: lazyRouteComponent(() => import('./features/alarms/AlarmsScreen'), 'AlarmsScreen'),
})

const agents = createRoute({
  getParentRoute: () => project,
  path: 'agents',
  component: lazyRouteComponent(() => import('./features/agents/AgentsScreen'), 'AgentsScreen'),
})

const agent = createRoute({
  getParentRoute: () => project,
  path: 'agents/$agent',
  component: lazyRouteComponent(() => import('./features/agents/AgentScreen'), 'AgentScreen'),
})

const newAgent = createRoute({
  getParentRoute: () => project,
  path: 'new-agent',
  component: lazyRouteComponent(() => import('./features/agents/AgentScreen'), 'NewAgentScreen'),
})

const models = createRoute({
  getParentRoute: () => project,
  path: 'models',
  component: lazyRouteComponent(() => import('./features/models/ModelsScreen'), 'ModelsScreen'),
})

const model = createRoute({
  getParentRoute: () => project,
  path: 'models/$model',
  validateSearch: modelSearch,
  component: lazyRouteComponent(() => import('./features/models/ModelScreen'), 'ModelScreen'),
})

const newModel = createRoute({
  getParentRoute: () => project,
  path: 'new-model',
  validateSearch: modelSearch,
  component: lazyRouteComponent(() => import('./features/models/ModelScreen'), 'NewModelScreen'),
})

const tools = createRoute({
  getParentRoute: () => project,
  path: 'tools',
  validateSearch: toolsSearch,
  component: lazyRouteComponent(() => import('./features/tools/ToolsScreen'), 'ToolsScreen'),
})

const toolServers = createRoute({
  getParentRoute: () => project,
  path: 'tools/servers',
  component: lazyRouteComponent(() => import('./features/tools/ToolServersScreen'), 'ToolServersScreen'),
})

const toolServer = createRoute({
  getParentRoute: () => project,
  path: 'tools/servers/$server',
  validateSearch: serverSearch,
  component: lazyRouteComponent(() => import('./features/tools/ToolServerScreen'), 'ToolServerScreen'),
})

const newToolServer = createRoute({
  getParentRoute: () => project,
  path: 'tools/new-server',
  validateSearch: serverSearch,
  component: lazyRouteComponent(() => import('./features/tools/NewToolServerScreen'), 'NewToolServerScreen'),
})

const tree = root.addChildren([
  signIn,
  setup,
  password,
  inside.addChildren([
    start,
    serverAudit,
    // prettier-ignore
    project.addChildren([
      home, chat, thread, tasks, task, edit, newTask, templates, template, runForm, runs, run, compare, inbox, schedule, calendars,
      insights, secrets, members, accounts, audit, settings,
      alarms, agents, agent, newAgent, models, model, newModel, tools, toolServers, toolServer, newToolServer,
    ]),
  ]),
])

export function makeRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queryClient },
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    defaultPendingComponent: Loading,
    defaultErrorComponent: RouteFailure,
    defaultNotFoundComponent: Lost,
    scrollRestoration: true,
  })
}

/** Whether this is an address at which somebody comes in. */
export const isDoor = (path: string): boolean => [signIn, setup, password].some((one) => path === `/${one.path}`)

/** Begins to load the code of the screen that the address names. */
export function preloadScreen(router: ReturnType<typeof makeRouter>): void {
  const [, , foundRoute] = router.getMatchedRoutes(location.pathname)
  void foundRoute?.options.component?.preload?.()?.catch(() => undefined)
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
