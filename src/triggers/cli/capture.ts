/** heed capture: what a customer said, from a terminal or a script. */

import type { Command } from 'commander';
import { newId } from '../../domain/ids.ts';
import { DomainError } from '../../domain/errors.ts';
import { Capture, capture, mustWorkThere } from '../capture.ts';
import { inPlace } from './place.ts';
import { inFull, sayJson, type Terminal } from './terminal.ts';

interface Said {
  place: string;
  by?: string;
  saidAt?: string;
  kind?: string;
  item?: string;
  attribute: Record<string, string>;
  unmet?: string;
  offered?: string;
  taken?: string;
  mood?: string;
  note?: string;
  customerName?: string;
  customerEmail?: string;
  customerPhone?: string;
  mayWrite?: boolean;
  mayCall?: boolean;
  key?: string;
  json?: boolean;
}

export function addCapture(program: Command, terminal: Terminal): void {
  program
    .command('capture')
    .argument('<words>', 'what they said, in their own words')
    .description('keep what a customer said; from then on one person is answerable for it')
    .requiredOption('--place <code>', 'where it was said')
    .option('--by <code>', 'who heard it')
    .option('--said-at <time>', 'when, such as 2026-06-12T15:20:00+02:00; now if left out')
    .option('--kind <code>', 'what it is, if somebody knows')
    .option('--item <text>', 'what was wanted')
    .option('--attribute <name=value>', 'colour=green, size=42 …; as often as needed', namedValue, {})
    .option('--unmet <reason>', 'why it could not be met')
    .option('--offered <text>', 'what was offered instead')
    .option('--taken <how>', 'accepted, refused or unsure')
    .option('--mood <mood>', 'annoyed, let-down, fine or pleased')
    .option('--note <text>', 'for colleagues only')
    .option('--customer-name <name>')
    .option('--customer-email <address>')
    .option('--customer-phone <number>')
    .option('--may-write', 'they agreed to be written to about this')
    .option('--may-call', 'they agreed to be called about this')
    .option('--key <text>', 'the same key again is the same capture')
    .option('--json', 'for programs')
    .action(async (words: string, said: Said) => {
      await inPlace(terminal.config(), async ({ heed }) => {
        const { company } = await heed.configuration();
        const content = capturedBy(words, said, company.customers.consent.wording);
        mustWorkThere(company, content);
        const press = { source: 'cli', key: said.key ?? newId(), content: JSON.stringify(content) };
        const { id, reference, replayed } = await capture(heed, content, { channel: 'cli', press });
        if (said.json) sayJson(terminal, { id, reference, replayed });
        else
          terminal.say(
            replayed
              ? `That was kept before, as ${reference}.`
              : `Kept as ${reference}. Somebody is answerable for it now.`,
          );
      });
    });
}

function namedValue(given: string, before: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(given) ?? [];
  if (!name || !value)
    throw new DomainError('validation', `--attribute ${given}: write it as name=value, such as colour=green.`);
  return { ...before, [name.trim()]: value.trim() };
}

function capturedBy(words: string, said: Said, wording: string): Capture {
  const channels = [said.mayWrite && 'email', said.mayCall && 'phone'].filter(Boolean);
  const given = Capture.safeParse(
    withoutNothing({
      words,
      place: said.place,
      by: said.by,
      saidAt: said.saidAt,
      kind: said.kind,
      customer: { name: said.customerName, email: said.customerEmail, phone: said.customerPhone },
      wanted: { item: said.item, attributes: said.attribute },
      unmet: said.unmet,
      offered: { item: said.offered, taken: said.taken },
      mood: said.mood,
      note: said.note,
      consent: channels.map((channel) => ({ purpose: 'follow_up', channel, wording })),
    }),
  );
  if (given.success) return given.data;
  const issue = given.error.issues[0]!;
  throw new DomainError(
    'validation',
    `${inFull(`${issue.path.join('.') || 'This'}: ${issue.message}`)} heed capture --help says what can be given.`,
  );
}

/** Leaves out what was not given, and objects in which nothing was. */
function withoutNothing(value: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    if (inner === undefined || (Array.isArray(inner) && inner.length === 0)) return [];
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return [[name, inner]];
    const some = withoutNothing(inner as Record<string, unknown>);
    return Object.keys(some).length > 0 ? [[name, some]] : [];
  });
  return Object.fromEntries(entries);
}
