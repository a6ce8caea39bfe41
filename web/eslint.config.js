import reactHooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['src/api/generated/**', 'node_modules/**'] },
  ...tseslint.configs.strict,
  {
    plugins: { 'react-hooks': reactHooks },
    rules: {
      ...reactHooks.configs.recommended.rules,
      'max-lines': ['error', { max: 499 }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      'no-restricted-globals': ['error', { name: 'fetch', message: 'Ask through src/api: the generated client is the only way.' }],
      'no-restricted-syntax': [
        'error',
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: 'Text of people and models is never markup.' },
      ],
    },
  },
  {
    // A feature is a folder; what two of them share lives in ui/ or api/.
    files: ['src/ui/**', 'src/api/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['@/features/*', '@/routes'] }] },
  },
)
