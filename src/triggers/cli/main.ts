/** `heed …`: hands the words of the terminal to program.ts. */

import { userInfo } from 'node:os';
import { leftUnread, readConfig } from '../../config.ts';
import { goOnUnheard } from '../../stops.ts';
import { runCommand } from './program.ts';

goOnUnheard();
process.exitCode = await runCommand(process.argv.slice(2), {
  say: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
  config: () => readConfig(),
  leftUnread: () => leftUnread(),
  folder: () => process.cwd(),
  account: accountName(),
});

/** Containers may run as a number that has no name. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return `account ${process.getuid?.() ?? 'unknown'}`;
  }
}
