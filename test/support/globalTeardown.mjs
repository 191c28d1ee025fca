export default async function globalTeardown() {
  await globalThis.heedServers?.stop();
}
