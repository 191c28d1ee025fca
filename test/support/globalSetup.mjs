// One Postgres (and, where stories are told, one Temporal server and one workflow bundle) for the whole run; each test file has its own
// database and its own namespace in them.
import { startServers } from './servers.ts';

/** @param {{ testPathPatterns: { patterns: string[] } }} config */
export default async function globalSetup(config) {
  const asked = config.testPathPatterns?.patterns ?? [];
  const temporal =
    asked.length === 0 ||
    asked.some((pattern) => /stories|e2e|browser|replay|relay|workers|deliver|restored/.test(pattern));
  // The model can be drawn for hours.
  const brief = !asked.some((pattern) => pattern.includes('model'));
  globalThis.heedServers = await startServers({ temporal, brief });
}
