import tseslint from 'typescript-eslint';

const hotLayers = ['packages/codec/src/**', 'packages/topics/src/**', 'packages/session/src/**'];
const environment = {
  object: 'process',
  property: 'env',
  message: 'Only apps/broker/src/config.ts reads the environment (architecture.md, layers).',
};
const argv = { object: 'process', property: 'argv', message: 'Only apps/broker and the conformance command read argv.' };

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/coverage/**', 'tooling/boundaries/canary/**', '**/fixtures/**'] },
  {
    files: ['packages/**/*.ts', 'apps/**/*.ts', 'tooling/**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.ts'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always'],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-console': 'error',
      'no-restricted-imports': [
        'error',
        { name: 'libsql', message: 'Only sqlite-worker.js may: it aborts the process on some parameters, and it is synchronous.' },
      ],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/conformance/src/command/**'],
    rules: { 'no-restricted-properties': ['error', environment, argv] },
  },
  { files: ['packages/conformance/src/command/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['apps/broker/src/**/*.ts'],
    ignores: ['apps/broker/src/config.ts'],
    rules: { 'no-restricted-properties': ['error', environment, argv] },
  },
  {
    // Time and randomness enter through `Env` (architecture.md §3).
    files: hotLayers,
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time is passed in.' },
        { object: 'Math', property: 'random', message: 'Randomness is passed in.' },
        { object: 'performance', property: 'now', message: 'Time is passed in.' },
      ],
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'setImmediate', 'process', 'Buffer'],
    },
  },
);
