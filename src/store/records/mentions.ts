/** What names somebody who is erased, in what was written about many people: it goes from there, and from the letters that say it to others. */

import { z } from 'zod';
import { spellingsOf } from '../../domain/customer.ts';
import { sql, type Tx } from '../pool.ts';
import { IdRow } from '../rows.ts';
import type { Identity } from './customers.ts';

const TextRow = z.object({ what: z.string(), id: z.string(), text: z.string() });

/** Stands where somebody's words stood in a fact that stays. */
export const erased = '(erased)';

/** Whether a text names this person: by full name, by surname as a word, of a double name also by one of the two, or by an address,
 *  however that is spelled. Of a name of one word that is looked for within words, too, unless `onlyAsWord`: "Will" in "we were willing". */
export function mentionsOf(
  name: string | null,
  addresses: readonly Identity[],
  { onlyAsWord = false } = {},
): (text: string) => boolean {
  const whole = name && !(onlyAsWord && inWords(name).trim().split(' ').length === 1) ? [name] : [];
  const literal = [...whole, ...addresses.flatMap((one) => [one.value, ...spellingsOf(one)])]
    .map((needle) => inLowerCase(needle.trim()))
    .filter((needle) => needle.length > 3);
  const surname = name?.trim().split(/\s+/u).at(-1) ?? '';
  const ofTwo = surname.split(/\p{Pd}/u).filter((part) => part.length > 3);
  const surnames = [surname, ...ofTwo]
    .flatMap((one) => [one, asWritten(one)])
    .map(inWords)
    .filter((words) => words.trim().length > 1);
  return (text) =>
    literal.some((needle) => inLowerCase(text).includes(needle)) ||
    surnames.some((words) => inWords(text).includes(words));
}

const inLowerCase = (text: string): string => text.normalize('NFC').replaceAll('’', "'").toLowerCase();

/** A till may keep names in small letters or in capitals, and people write them with one capital all the same. "Green" is not looked for as "green",
 *  which may be the colour. */
const asWritten = (surname: string): string =>
  [surname.toLowerCase(), surname.toUpperCase()].includes(surname)
    ? surname.toLowerCase().replace(/(?<![\p{L}\p{M}])\p{L}/gu, (letter) => letter.toUpperCase())
    : surname;

/** Its words alone, with a space around each: whichever apostrophe or hyphen somebody typed, it is the same. */
const inWords = (text: string): string =>
  ` ${text
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()} `;

/** Whether one is the other with something added to it: "Kim" is not wrong where somebody is Kim Adler. */
export const isCompletedBy = (name: string, right: string): boolean => inWords(right).includes(inWords(name));

/** What is written about an insight is about many people and stays, but for what names this one. Returns the decisions whose reason did. */
export async function eraseMentions(
  tx: Tx,
  insight: string,
  mentions: (text: string) => boolean,
): Promise<readonly string[]> {
  const texts = await tx.any(sql.type(TextRow)`
    select 'decision' as what, id, reason as text from decisions where insight_id = ${insight}
    union all
    select 'internal', id, internal_reason from decisions where insight_id = ${insight} and internal_reason is not null
    union all
    select 'completion', c.decision_id, c.evidence from completions c join decisions d on d.id = c.decision_id where d.insight_id = ${insight}
    union all
    select 'ownership', id, reason from ownerships where loop_id = ${insight}
    union all
    select 'closure', id, reason from closures where loop_id = ${insight} and reason is not null
    union all
    select 'repair', id, reason from repairs where loop_id = ${insight}`);
  const naming = texts.filter(({ text }) => mentions(text));
  for (const { what, id } of naming) {
    const text = {
      decision: sql.fragment`decisions set reason = ${erased}`,
      internal: sql.fragment`decisions set internal_reason = ${erased}`,
      completion: sql.fragment`completions set evidence = ${erased}`,
      ownership: sql.fragment`ownerships set reason = ${erased}`,
      closure: sql.fragment`closures set reason = ${erased}`,
      repair: sql.fragment`repairs set reason = ${erased}`,
    }[what]!;
    await tx.query(
      sql.unsafe`update ${text} where ${sql.identifier([what === 'completion' ? 'decision_id' : 'id'])} = ${id}`,
    );
  }
  const decisions = naming.filter(({ what }) => what === 'decision');
  for (const { id, text } of decisions) await eraseFromLetters(tx, id, text);
  return decisions.map(({ id }) => id);
}

/** A template puts the reason in as it is, in a subject on one line. Whatever is being composed with it at this moment is shut out at the gate, and
 *  composed anew. */
async function eraseFromLetters(tx: Tx, decision: string, reason: string): Promise<void> {
  const toldOfIt = sql.fragment`d.loop_id in (select t.signal_id from told_signals t where t.decision_id = ${decision})`;
  const onOneLine = reason.replace(/[\p{Cc}\s]+/gu, ' ');
  const letters = await tx.anyFirst(sql.type(IdRow)`
    update delivery_bodies b
    set body = replace(b.body, ${reason}, ${erased}), subject = replace(b.subject, ${onOneLine}, ${erased})
    from deliveries d
    where d.id = b.delivery_id and ${toldOfIt} and (strpos(b.body, ${reason}) > 0 or strpos(b.subject, ${onOneLine}) > 0)
    returning d.id`);
  await tx.query(sql.unsafe`
    update deliveries d set state = 'ready', phase = 'none', fence = fence + 1, lease_until = null, started_until = null
    where ${toldOfIt} and d.state = 'sending' and d.phase = 'open'
      and (d.id = any(${sql.array([...letters], 'uuid')}) or (d.purpose = 'news' and d.occasion = ${decision}))`);
}
