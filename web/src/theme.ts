import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

const slate: MantineColorsTuple = [
  '#f8fafc', '#f1f5f9', '#e2e8f0', '#cbd5e1', '#94a3b8', '#64748b', '#52617a', '#334155', '#1e293b', '#0f172a',
]
const night: MantineColorsTuple = [
  '#e2e8f0', '#cbd5e1', '#a3b1c6', '#7d8ca3', '#334155', '#293548', '#1a2438', '#0f172a', '#0b1220', '#020617',
]
const indigo: MantineColorsTuple = [
  '#eef2ff', '#e0e7ff', '#c7d2fe', '#a5b4fc', '#818cf8', '#5b5eea', '#4f46e5', '#4338ca', '#3730a3', '#312e81',
]

export const theme = createTheme({
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  colors: { gray: slate, dark: night, indigo },
  primaryColor: 'indigo',
  primaryShade: { light: 6, dark: 5 },
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.5', xl: '1.4' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  radius: { xs: '3px', sm: '4px', md: '6px', lg: '8px', xl: '12px' },
  defaultRadius: 'md',
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '20px', lineHeight: '1.3' },
      h2: { fontSize: '16px', lineHeight: '1.4' },
      h3: { fontSize: '14px', lineHeight: '1.4' },
      h4: { fontSize: '14px', lineHeight: '1.4' },
    },
  },
  shadows: {
    md: '0 4px 16px rgb(15 23 42 / 14%), 0 1px 3px rgb(15 23 42 / 10%)',
  },
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
    PasswordInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', comboboxProps: { shadow: 'md', transitionProps: { duration: 80 } } } },
    Menu: { defaultProps: { shadow: 'md', transitionProps: { duration: 80 } } },
    Modal: { defaultProps: { centered: true, transitionProps: { duration: 100 }, closeButtonProps: { 'aria-label': 'Close' } } },
    Tooltip: { defaultProps: { openDelay: 250, transitionProps: { duration: 80 } } },
  },
})

/** Surfaces: a page a shade darker than what lies on it. */
export const surfaces: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#ffffff',
    '--surface-page': '#f8fafc',
    '--surface-raised': '#ffffff',
    '--surface-sunken': '#f1f5f9',
    '--surface-well': '#e6ebf2',
    '--line': '#e2e8f0',
    '--line-strong': '#cbd5e1',
    '--text-strong': '#0f172a',
    '--mantine-color-text': '#1e293b',
    '--mantine-color-dimmed': '#52617a',
    '--mantine-color-error': '#b91c1c',
    '--mantine-color-placeholder': '#64748b',
    '--mantine-color-anchor': '#4338ca',
    '--mantine-color-default-border': '#cbd5e1',
    '--mantine-color-gray-light': '#e7ecf3',
    '--mantine-color-gray-light-color': '#334155',
  },
  dark: {
    '--mantine-color-body': '#111a2e',
    '--surface-page': '#0c1424',
    '--surface-raised': '#111a2e',
    '--surface-sunken': '#0a101e',
    '--surface-well': '#070c17',
    '--line': '#243146',
    '--line-strong': '#334155',
    '--text-strong': '#f1f5f9',
    '--mantine-color-text': '#dbe3ee',
    '--mantine-color-dimmed': '#98a6bb',
    '--mantine-color-error': '#fca5a5',
    '--mantine-color-placeholder': '#8795ab',
    '--mantine-color-anchor': '#a5b4fc',
    '--mantine-color-default-border': '#334155',
    '--mantine-color-gray-light': '#22304a',
    '--mantine-color-gray-light-color': '#dbe3ee',
    '--mantine-color-red-light': '#3a1a24',
    '--mantine-color-red-light-color': '#fca5a5',
  },
})
