import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { startMailbox, type Mailbox } from '../../src/embedded/mailbox.ts';
import { parseMrkdwn, type Span } from '../../src/embedded/slackMrkdwn.ts';
import { openPostOffice } from '../../src/integrations/email.ts';
import type { Letter } from '../../src/integrations/letter.ts';
import { mrkdwn, plainText, quotation } from '../../src/integrations/slack.ts';
import { sql } from '../../src/store/pool.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { isFromSlack } from '../../src/triggers/slack/signature.ts';
import { kim, openShop, type Shop } from '../activities/messages/shop.ts';
import { openApi, type Api } from '../triggers/http/contract.ts';
import { Dice } from './dice.ts';
import { naughty, refused } from './naughty.ts';

let shop: Shop;
let api: Api;
let mailbox: Mailbox;
beforeAll(async () => {
  shop = await openShop();
  api = await openApi(shop.db);
  mailbox = await startMailbox();
});
afterAll(async () => {
  await mailbox.stop();
  await shop.close();
});

test('there are more than five hundred texts, no two alike', () => {
  expect(naughty.length).toBeGreaterThanOrEqual(500);
  expect(new Set(naughty).size).toBe(naughty.length);
});

describe('whatever is said', () => {
  test('is kept byte for byte in every field, and what cannot be kept is refused and leaves nothing', async () => {
    const Kept = z.object({
      words: z.string(),
      note: z.string().nullable(),
      offered: z.string().nullable(),
      name: z.string().nullable(),
    });
    const keeps = async (said: string): Promise<void> => {
      const line = `${said}.`;
      const { status, body } = await api.post('/v1/signals', {
        words: said,
        place: 'high-street',
        note: `note: ${line}`,
        offered: { item: `offered: ${line}`, taken: 'refused' },
        unmet: `unmet: ${line}`,
        customer: { name: `name: ${line}`, loyalty: randomUUID() },
      });
      expect({ said, status }).toEqual({ said, status: 202 });
      const kept = await shop.db.pool.one(sql.type(Kept)`
        select w.words, w.note, w.offered, c.name from words w join signals s on s.id = w.signal_id left join customers c on c.id = s.customer_id
        where s.id = ${body.id}`);
      expect(kept).toEqual({ words: said, note: `note: ${line}`, offered: `offered: ${line}`, name: `name: ${line}` });
    };
    for (let at = 0; at < naughty.length; at += 16) await Promise.all(naughty.slice(at, at + 16).map(keeps));

    const count = () =>
      shop.db.pool.oneFirst(sql.type(z.object({ count: z.number() }))`select count(*)::integer as count from loops`);
    const before = await count();
    for (const said of refused) {
      for (const field of ['words', 'note', 'unmet'])
        expect((await api.post('/v1/signals', { words: 'x', place: 'high-street', [field]: said })).status).toBe(400);
      expect(
        (await api.post('/v1/signals', { words: 'x', place: 'high-street', customer: { name: said } })).status,
      ).toBe(400);
    }
    expect(await count()).toBe(before);
  });

  test('reaches the customer byte for byte in the text and in the page of a letter, over real SMTP, and the letter stays ours', async () => {
    const office = await openPostOffice(mailbox.smtpUrl).connect();
    for (let at = 0; at < naughty.length; at += 40) {
      const signal = await shop.hears({ words: 'My zip is broken.', ...kim });
      const words = naughty
        .slice(at, at + 40)
        .map((said, n) => `${at + n}: ${said}`)
        .join('\n')
        .slice(0, 4900)
        .toWellFormed()
        .trim();
      await approveFollowUp(
        shop.db.heed,
        { loopId: signal.id, by: 'priya', press: shop.press() },
        { words, subject: naughty[at]!.trim().slice(0, 190) },
      );
      const letter: Letter = await shop.letter('answer', undefined, signal.id);
      expect(await office.send(letter)).toMatchObject({ accepted: true });

      const mail = mailbox.mails().at(-1)!;
      const expected = asLines(words);
      expect(asLines(mail.text)).toContain(expected);
      expect(asRead(mail.html!)).toContain(expected.replaceAll(/\n+/g, '\n'));
      expect(mail.to).toEqual(['kim@example.com']);
      expect(mail.headers.filter(({ key }) => /^(bcc|cc|x-)/i.test(key))).toEqual([]);
      expect(mail.headers.filter(({ key }) => key.toLowerCase() === 'subject')).toHaveLength(1);
    }
    office.close();
    expect(mailbox.mails('thief@was-run.example')).toEqual([]);
  });

  test('stands in Slack byte for byte, calls nobody and leads nowhere', () => {
    for (const said of naughty) {
      expect(textsIn(quotation(said))).toEqual([said]);
      expect(plainText(said, 3000).text).toBe(said);
      const spans = parseMrkdwn(mrkdwn(said)).flatMap(flat);
      expect({
        said,
        kinds: spans.map(({ kind }) => kind).filter((kind) => ['mention', 'link', 'date'].includes(kind)),
      }).toEqual({ said, kinds: [] });
    }
  });
});

test('of a hundred thousand forged signatures none is taken for Slack’s', () => {
  const secret = 'a secret of slack';
  const now = 1_750_000_000;
  let taken = 0;
  for (let input = 0; input < 100_000; input++) {
    const dice = new Dice(1, input);
    const body = dice.bytes(60);
    const timestamp = String(now - 300 + dice.below(601));
    const right = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
    const at = dice.below(right.length);
    const forged: [timestamp: string, signature: string, body: Buffer][] = [
      [timestamp, `${right.slice(0, at)}${right[at] === '0' ? '1' : '0'}${right.slice(at + 1)}`, body],
      [String(Number(timestamp) + 1), right, body],
      [timestamp, right, Buffer.concat([body, Buffer.from([dice.below(256)])])],
      [timestamp, right.slice(0, at), body],
      [timestamp, dice.words(), body],
    ];
    const [when, signature, sent] = forged[input % forged.length]!;
    if (isFromSlack(secret, { timestamp: when, signature, body: sent }, now * 1000)) taken += 1;
  }
  expect(taken).toBe(0);
});

/** Mail knows one kind of line break. */
const asLines = (text: string): string => text.replaceAll(/\r\n?/g, '\n');

/** What a page says: its breaks as lines, without tags. Whatever was typed has no tags left, or it would be missing here. */
const asRead = (page: string): string =>
  page
    .replaceAll(/<br \/>/g, '\n')
    .replaceAll(/<\/p>\s*<p>/g, '\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll(/\r\n?/g, '\n')
    // A blank line parts paragraphs, however many there were.
    .replaceAll(/\n+/g, '\n');

function textsIn(block: object): string[] {
  const found: string[] = [];
  JSON.stringify(block, (key, value: unknown) => {
    if (key === 'text' && typeof value === 'string') found.push(value);
    return value;
  });
  return found;
}

const flat = (span: Span): Span[] => ('spans' in span ? [span, ...span.spans.flatMap(flat)] : [span]);
