/** The command line: every command says what to do next, knows --json, and ends with 0 (done), 1 (failed) or 2 (wrong usage). */

import { Command, CommanderError, Option } from 'commander';
import { ConfigError } from '../../config.ts';
import { DomainError } from '../../domain/errors.ts';
import { addAudit } from './audit.ts';
import { addBackup } from './backup.ts';
import { addCapture } from './capture.ts';
import { addCompanyCommands } from './company.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { addOperations } from './operations.ts';
import { addDoors } from './doors.ts';
import { addInvite } from './people.ts';
import { anotherHeed } from './place.ts';
import { addProcesses } from './processes.ts';
import { addRights } from './rights.ts';
import { Failed, type Terminal } from './terminal.ts';

/** Runs one command (`argv` without node and file) and returns its exit code. Never throws. */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  const program = new Command('heed')
    .description('Makes sure nothing a customer says dies of silence.')
    // The launcher changes folder; file names are meant from where somebody stands.
    .addOption(new Option('--in <folder>').hideHelp())
    .showHelpAfterError('(heed --help says what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.say(text.trimEnd()),
      writeErr: (text) => terminal.complain(text.trimEnd()),
    });
  const standing: Terminal = {
    ...terminal,
    folder: () => program.opts<{ in?: string }>().in ?? terminal.folder(),
    config: () => {
      const config = terminal.config();
      const another = anotherHeed(config, terminal);
      if (another) terminal.complain(another);
      return config;
    },
  };
  addCompanyCommands(program, standing);
  addCapture(program, standing);
  addOperations(program, standing);
  addAudit(program, standing);
  addInvite(program, standing);
  addRights(program, standing);
  addBackup(program, standing);
  addDoors(program, standing);
  addDemo(program, standing);
  addProcesses(program, standing);
  addDoctor(program, standing);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof Failed) return 1;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    for (const line of explain(error)) terminal.complain(line);
    return 1;
  }
}

function explain(error: unknown): string[] {
  if (error instanceof DomainError || error instanceof ConfigError) return [error.message];
  if (!(error instanceof Error)) return [String(error)];
  const cause = error.cause instanceof Error && error.cause.message ? [`  because: ${error.cause.message}`] : [];
  return [error.message || error.name, ...cause];
}
