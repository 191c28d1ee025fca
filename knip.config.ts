import type { KnipConfig } from 'knip';

const config: KnipConfig = {
  entry: [
    'src/main.ts',
    'src/triggers/cli/main.ts',
    'scripts/*.ts',
    'bench/*.ts',
    'prove/main.ts',
    'test/**/*.test.ts',
    'test/support/global*.mjs',
    'test/browser/freeze.js',
    'test/hostile/main.ts',
  ],
  project: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'prove/**/*.ts', 'scripts/**/*.ts'],
  // @types/ms: without it every duration of the SDK is `any`. protobufjs: without it on top, histories can't be read as JSON.
  ignoreDependencies: ['@types/ms', 'protobufjs'],
  // Shell scripts that are run by their path.
  ignoreUnresolved: ['scripts/node', 'scripts/heed'],
  ignoreExportsUsedInFile: true,
};

export default config;
