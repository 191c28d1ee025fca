/** heed key, sessions, binding, refusals: who may come in, who is in, how they are known, and who was turned away. */

import type { Command } from 'commander';
import { Option } from 'commander';
import type { Company } from '../../domain/company.ts';
import { maySeePlace } from '../../domain/entitlement.ts';
import { DomainError } from '../../domain/errors.ts';
import { provesTwoFactors } from '../../domain/secondFactor.ts';
import { apiKey, apiKeys, keepApiKey, newApiKey, revokeApiKeys, scopes } from '../../store/records/apiKeys.ts';
import { bindingsOf, freeBindings } from '../../store/records/bindings.ts';
import { refusalsSince } from '../../store/records/refusals.ts';
import { revokeSessions, sessionsOf } from '../../store/records/sessions.ts';
import { staffByCode } from '../../store/records/staff.ts';
import { inPlace } from './place.ts';
import { sayJson, type Terminal } from './terminal.ts';

export function addDoors(program: Command, terminal: Terminal): void {
  const key = program.command('key').description('keys of the API: what each may do, and at which places');

  key
    .command('add')
    .argument('<name>', 'whose it is: the code of a person, who then needs no "by", or what it is for, such as till')
    .addOption(new Option('--scope <scope...>', 'what it may do').choices([...scopes, '*']).makeOptionMandatory())
    .requiredOption('--place <code...>', 'where: codes of places, or all')
    .description('make a key; it is shown this once')
    .option('--json', 'for programs')
    .action(async (name: string, given: { scope: string[]; place: string[]; json?: boolean }) => {
      await inPlace(terminal.config(), async ({ heed, pool }) => {
        if (name.trim() === '')
          throw new DomainError('validation', 'A key needs a name: whose it is, or what it is for.');
        const { company } = await heed.configuration();
        const places = placesIn(given.place, company);
        const made = newApiKey();
        await pool.transaction(async (tx) => {
          await keepApiKey(tx, made, { name, scopes: given.scope, places, by: terminal.account });
          if (!(await apiKey(tx, made)))
            throw new DomainError('conflict', `"${name}" has left the company file: a key of that name opens nothing.`);
        });
        if (given.json) sayJson(terminal, { name, key: made, scopes: given.scope, places: places ?? 'all' });
        else {
          terminal.say(made);
          const person = company.staff[name];
          const unseen = person ? (places ?? []).filter((place) => !maySeePlace(company, name, place)) : [];
          terminal.say(
            `It is shown this once. It may ${inWords(given.scope)}, at ${placesInWords(places)}${person ? `, as far as ${person.name} may` : ''}.`,
          );
          if (person && unseen.length > 0)
            terminal.say(
              `${person.name} does not see ${unseen.join(', ')} by the company file: there it opens nothing. For what is nobody's, such as a till, give it another name.`,
            );
        }
      });
    });

  key
    .command('list')
    .description('every key there ever was, newest first; never the key itself')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      await inPlace(terminal.config(), async ({ pool }) => {
        const all = (await apiKeys(pool)).map((one) => ({
          id: one.id,
          name: one.name,
          scopes: one.scopes,
          places: one.places,
          since: one.created_at,
          madeBy: one.made_by,
          lastUsed: one.last_used_at,
          revokedAt: one.revoked_at,
          revokedBy: one.revoked_by,
          inForce: one.in_force,
        }));
        if (json)
          return sayJson(
            terminal,
            all.map((one) => ({ ...one, places: one.places ?? 'all' })),
          );
        for (const one of all)
          terminal.say(
            `${one.id}  ${one.name}: ${inWords(one.scopes)}, at ${placesInWords(one.places)}, since ${day(one.since)}${byWhom(one.madeBy)}, ${one.lastUsed ? `last used ${minute(one.lastUsed)}` : 'never used'}${one.inForce ? '' : `, ended${one.revokedAt ? ` ${day(one.revokedAt)}` : ''}${byWhom(one.revokedBy)}`}`,
          );
      });
    });

  key
    .command('revoke')
    .argument('<key>', 'its id, or the name of all that shall end')
    .description('end a key, at once and for ever')
    .option('--json', 'for programs')
    .action(async (name: string, { json }: { json?: boolean }) => {
      await inPlace(terminal.config(), async ({ pool }) => {
        const ended = await revokeApiKeys(pool, name, terminal.account);
        if (ended === 0)
          throw new DomainError('not_found', `There is no key "${name}" in force. heed key list says which there are.`);
        if (json) sayJson(terminal, { ended });
        else terminal.say(ended === 1 ? 'It opens nothing any more.' : `${ended} keys open nothing any more.`);
      });
    });

  program
    .command('sessions')
    .description('where somebody is signed in')
    .requiredOption('--staff <code>', 'who')
    .option('--revoke', 'sign them out everywhere, and void the sign-in links in their mail')
    .option('--json', 'for programs')
    .action(async ({ staff, revoke, json }: { staff: string; revoke?: boolean; json?: boolean }) => {
      const config = terminal.config();
      await inPlace(config, async ({ pool }) => {
        if (!(await staffByCode(pool, staff)))
          throw new DomainError('not_found', `There is nobody called "${staff}" among the staff.`);
        const open = (await sessionsOf(pool, staff)).map((one) => ({
          id: one.id,
          through: one.through,
          acr: one.strength.acr,
          // Which levels take two factors is said beside the address of the service; whoever is not told that can't judge.
          twoFactors: config.oidc ? provesTwoFactors(one.strength, config.oidc.acrValues) : null,
          since: one.created_at,
          lastUsed: one.seen_at,
          until: one.expires_at,
        }));
        if (revoke) await pool.transaction((tx) => revokeSessions(tx, staff, { by: terminal.account }));
        if (json) return sayJson(terminal, { sessions: open, revoked: revoke ?? false });
        if (revoke) return terminal.say(`${open.length === 1 ? 'One session' : `${open.length} sessions`} ended.`);
        if (open.length === 0) terminal.say('Nowhere.');
        for (const one of open)
          terminal.say(
            `${one.id}  by ${one.through === 'link' ? 'e-mail link' : 'the sign-in service'}${one.twoFactors ? ' with two factors' : ''}${one.acr === null ? '' : ` (level ${one.acr})`}, since ${minute(one.since)}, last used ${minute(one.lastUsed)}`,
          );
        if (!config.oidc && open.some(({ through }) => through === 'provider'))
          terminal.say('Whether by two factors is not said: OIDC_ISSUER is not set here. Ask where the web runs.');
      });
    });

  program
    .command('binding')
    .description(
      "by which account of the company's sign-in service somebody is known, from their first sign-in there on",
    )
    .requiredOption('--staff <code>', 'who')
    .option(
      '--free',
      'let the account that they come by next be theirs, as when it was made anew; sessions begun by the former end',
    )
    .option('--reason <text>', 'why it is freed')
    .option('--json', 'for programs')
    .action(async (given: { staff: string; free?: boolean; reason?: string; json?: boolean }) => {
      const { staff, free, json } = given;
      const reason = given.reason?.trim();
      if (free && !reason) throw new DomainError('validation', '--free takes a --reason: why?');
      await inPlace(terminal.config(), async ({ pool }) => {
        const known = (await bindingsOf(pool, staff)).map(({ bound_at, ...rest }) => ({ ...rest, since: bound_at }));
        if (known.length === 0 && !(await staffByCode(pool, staff)))
          throw new DomainError('not_found', `There is nobody called "${staff}" among the staff.`);
        if (free && known.length === 0)
          throw new DomainError('not_found', `"${staff}" is known by no account yet: the next is theirs as it is.`);
        if (free) await pool.transaction((tx) => freeBindings(tx, staff, { by: terminal.account, reason: reason! }));
        if (json) return sayJson(terminal, { bindings: known, freed: free ?? false });
        if (free) return terminal.say('Freed: the account that they come by next is theirs.');
        if (known.length === 0) terminal.say('By none yet: the one that they come by next is theirs.');
        for (const one of known)
          terminal.say(`${one.subject} at ${one.issuer}, since ${minute(one.since)}, under ${one.email}`);
      });
    });

  program
    .command('refusals')
    .description('who was turned away, where and why; codes only')
    .addOption(
      new Option('--days <days>', 'of the last so many days, at most ninety').default(7).argParser((text) => {
        const days = Number(text);
        if (!Number.isInteger(days) || days < 1 || days > 90)
          throw new DomainError('validation', '--days must be a whole number from 1 to 90.');
        return days;
      }),
    )
    .option('--json', 'for programs')
    .action(async ({ days, json }: { days: number; json?: boolean }) => {
      await inPlace(terminal.config(), async ({ pool }) => {
        const refused = (await refusalsSince(pool, days)).map(({ first_at, last_at, ...rest }) => ({
          ...rest,
          firstAt: first_at,
          lastAt: last_at,
        }));
        if (json) return sayJson(terminal, refused);
        if (refused.length === 0) terminal.say('Nobody was turned away.');
        for (const { door, why, whose, times, lastAt } of refused)
          terminal.say(
            `${minute(lastAt)}  ${door}: ${why}${whose ? `, ${whose}` : ''}, ${times === 1 ? 'once' : `${times} times`}`,
          );
      });
    });
}

/** What there is to do at the doors of a database that was put back. */
export const doorsOfBefore: readonly string[] = [
  'Everybody has to sign in again. People and places may be those of before: apply the company file once more (heed apply FILE; npm start does where HEED_CONFIG names it, or says why not).',
  'A key that was revoked since opens again, unless a backup that was made later told of it: look through heed key list.',
];

/** Null for all. Throws `validation` for a place that the company file does not know. */
function placesIn(given: readonly string[], { places }: Company): string[] | null {
  if (given.length === 1 && given[0] === 'all') return null;
  const unknown = given.find((code) => !Object.hasOwn(places, code));
  if (unknown !== undefined)
    throw new DomainError(
      'validation',
      `There is no place "${unknown}". Places are: ${Object.keys(places).join(', ')}; or say all.`,
    );
  return [...given];
}

const inWords = (given: readonly string[]): string => (given.includes('*') ? 'do everything' : given.join(', '));
const placesInWords = (places: readonly string[] | null): string => places?.join(', ') ?? 'all places';
const byWhom = (account: string | null): string => (account === null ? '' : ` by ${account}`);
const day = (at: Date): string => at.toISOString().slice(0, 10);
const minute = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
