import '@fontsource-variable/inter/index.css'
import '@fontsource-variable/jetbrains-mono/index.css'
import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import '@mantine/spotlight/styles.css'
import './ui/base.css'

import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { makeQueryClient, meQuery } from './api/queries'
import { isDoor, makeRouter, preloadScreen } from './routes'
import { surfaces, theme } from './theme'
import { nonce } from './ui/nonce'

// For the style that keeps the page from scrolling behind a dialog.
setNonce(nonce())

const queryClient = makeQueryClient()
const router = makeRouter(queryClient)
// Who asks is asked, and the screen's own code is loaded, while the page is still being put together.
if (!isDoor(location.pathname)) void queryClient.prefetchQuery(meQuery)
preloadScreen(router)

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={surfaces} getStyleNonce={nonce}>
        <Notifications position="bottom-right" autoClose={6000} />
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}
