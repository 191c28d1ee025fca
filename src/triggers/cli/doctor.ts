/** heed doctor: can everything be reached that the settings name? One sentence for each, and what to do where it can't. */

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Command } from 'commander';
import type { Config } from '../../config.ts';
import { progressOf } from '../../store/views/health.ts';
import { inPlace, findDatabase } from './place.ts';
import { Failed, sayJson, type Terminal } from './terminal.ts';

export interface Finding {
  part: string;
  /** Null: it was not looked at. */
  well: boolean | null;
  sentence: string;
}

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('see whether Postgres, Temporal, mail and Slack can be reached')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      const config = terminal.config();
      const findings = await Promise.all([
        postgres(config),
        web(config),
        temporal(config),
        mail(config),
        slack(config),
      ]);
      if (json) sayJson(terminal, findings);
      else for (const { part, well, sentence } of findings) terminal.say(`${markOf(well)} ${part}: ${sentence}`);
      if (findings.some(({ well }) => well === false)) throw new Failed();
    });
}

const patienceMs = 5000;

const markOf = (well: boolean | null): string => (well === null ? '-- ' : well ? 'ok ' : 'NO ');

/** Settings may be those of another process: of a web, say, which sends no mail itself. */
const notNamed = (part: string, variable: string): Finding => ({
  part,
  well: null,
  sentence: `${variable} is not set here, so it was not looked at.`,
});

async function postgres(config: Config): Promise<Finding> {
  return finding('Postgres', async () =>
    inPlace(config, async ({ heed, pool }) => {
      const { company, version } = await heed.configuration();
      const { open_loops } = await progressOf(pool);
      return `reachable, schema current; ${company.name}, version ${version}; ${open_loops} loops open.`;
    }),
  );
}

async function web(config: Config): Promise<Finding> {
  return finding('Web', async () => {
    const publicUrl = await findDatabase(config).then(
      (found) => found.publicUrl,
      () => config.publicUrl,
    );
    const response = await fetch(`${publicUrl}/health/ready`, { signal: AbortSignal.timeout(patienceMs) }).catch(
      (cause: unknown) => {
        throw new Error(
          `nobody answers at ${publicUrl}. Start it with npm start (or npm run web), or correct PUBLIC_URL.`,
          { cause },
        );
      },
    );
    const { status, engine } = (await response.json()) as { status?: string; engine?: string };
    if (status !== 'ready')
      throw new Error(`${publicUrl} answers, and is ${status ?? 'not Heed'}${engine ? `: ${engine}` : ''}.`);
    return `${publicUrl} answers, and work moves.`;
  });
}

async function temporal({ temporalAddress }: Config): Promise<Finding> {
  if (!temporalAddress) return notNamed('Temporal', 'TEMPORAL_ADDRESS');
  return finding('Temporal', () =>
    reach(temporalAddress, 'TEMPORAL_ADDRESS. Captures and responses are kept meanwhile'),
  );
}

async function mail({ smtpUrl }: Config): Promise<Finding> {
  if (!smtpUrl) return notNamed('Mail', 'SMTP_URL');
  const { hostname, port, protocol } = new URL(smtpUrl);
  return finding('Mail', async () => {
    const address = `${hostname}:${port || (protocol === 'smtps:' ? 465 : 587)}`;
    await reach(address, 'SMTP_URL. Messages wait meanwhile');
    return `${address} answers. Whether it lets us in was not tried: heed stuck says what it answers to letters.`;
  });
}

async function slack({ slack: settings }: Config): Promise<Finding> {
  if (!settings) return notNamed('Slack', 'SLACK_BOT_TOKEN');
  return finding('Slack', async () => {
    const response = await fetch(new URL('auth.test', settings.apiUrl ?? 'https://slack.com/api/'), {
      method: 'POST',
      headers: { Authorization: `Bearer ${settings.token}` },
      signal: AbortSignal.timeout(patienceMs),
    }).catch((cause: unknown) => {
      throw new Error('can’t be reached from here. Prompts go by e-mail meanwhile.', { cause });
    });
    const answer = (await response.json()) as { ok?: boolean; error?: string; team?: string };
    if (!answer.ok)
      throw new Error(
        `does not take the token (${answer.error ?? response.status}). Correct SLACK_BOT_TOKEN; prompts go by e-mail meanwhile.`,
      );
    return `reachable, as a member of ${answer.team ?? 'the workspace'}.`;
  });
}

/** Whether anybody listens at "host:port". */
async function reach(address: string, variable: string): Promise<string> {
  const colon = address.lastIndexOf(':');
  const socket = connect(Number(address.slice(colon + 1)), address.slice(0, colon));
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(patienceMs) });
    return `${address} answers.`;
  } catch (cause) {
    throw new Error(`nobody answers at ${address}. Start it, or correct ${variable}.`, { cause });
  } finally {
    socket.destroy();
  }
}

async function finding(part: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { part, well: true, sentence: await look() };
  } catch (error) {
    return { part, well: false, sentence: error instanceof Error ? error.message : String(error) };
  }
}
