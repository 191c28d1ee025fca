/** heed web, worker, relay, migrate, version: what npm start does in one, apart. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { toldToEnd } from '../../stops.ts';
import { migrate } from '../../store/migrate.ts';
import { findDatabase } from './place.ts';
import { Failed, sayJson, type Terminal } from './terminal.ts';

export function addProcesses(program: Command, terminal: Terminal): void {
  for (const [part, what] of [
    ['web', 'answer people and programs'],
    ['worker', 'tell the stories and send the messages'],
    ['relay', 'carry what was recorded to Temporal'],
  ] as const) {
    program
      .command(part)
      .description(`run the ${part} alone: ${what}`)
      .action(() => run(part));
  }

  program
    .command('migrate')
    .description('bring the database to this version; doing it again does no harm')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      const { databaseUrl, ownerUrl } = await findDatabase(terminal.config());
      const ran = await migrate(ownerUrl, json ? () => {} : terminal.say, { databaseUrl });
      if (json) sayJson(terminal, { ran });
      else
        terminal.say(
          ran.length === 0 ? 'The database was on this version already.' : 'The database is on this version now.',
        );
    });

  program
    .command('version')
    .description('say which version this is')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      const file = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
      const { version } = JSON.parse(file) as { version: string };
      if (json) sayJson(terminal, { version, node: process.versions.node });
      else terminal.say(`Heed ${version}, on Node ${process.versions.node}`);
    });
}

/** The same program as `npm run <part>`, in the foreground: it hears every signal that we do. */
async function run(part: string): Promise<void> {
  const main = fileURLToPath(new URL('../../main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, part], { stdio: 'inherit' });
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of toldToEnd) process.on(signal, passOn);
  const [code] = (await once(child, 'exit')) as [number | null];
  for (const signal of toldToEnd) process.off(signal, passOn);
  if (code !== 0) throw new Failed();
}
