// The suite is started by scripts/test.ts, which runs the checks beside it and prints the closing line.
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' },
  ],
};

export default {
  testEnvironment: '<rootDir>/test/support/plainEnvironment.mjs',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  coverageProvider: 'babel',
  globalSetup: '<rootDir>/test/support/globalSetup.mjs',
  globalTeardown: '<rootDir>/test/support/globalTeardown.mjs',
  testSequencer: '<rootDir>/test/support/longestFirst.mjs',
  // For what hangs, not for what is slow: a machine may be busy with something else.
  testTimeout: 300_000,
  // One more than the cores of a small machine: what waits for a server or a browser leaves room for another.
  maxWorkers: 3,
  transform,
};
