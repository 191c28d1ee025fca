import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Company } from '../../../src/domain/company.ts';
import { blockRefusals } from '../../../src/embedded/slackLimits.ts';
import { parseMrkdwn, type Span } from '../../../src/embedded/slackMrkdwn.ts';
import type { SlackMessage } from '../../../src/integrations/letter.ts';
import { planDelivery } from '../../../src/store/records/deliveries.ts';
import { keepCard } from '../../../src/store/records/cards.ts';
import { keepSlackId } from '../../../src/store/records/staff.ts';
import { sql } from '../../../src/store/pool.ts';
import { acknowledge } from '../../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../../src/triggers/responses/approveFollowUp.ts';
import { decide } from '../../../src/triggers/responses/decide.ts';
import { dismiss } from '../../../src/triggers/responses/dismiss.ts';
import { lift, restrict } from '../../../src/triggers/rights/restrict.ts';
import { green, kim, openShop, type Shop } from './shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

const by = (loopId: string, staff: string) => ({ loopId, by: staff, press: shop.press() });

/** As if the latest prompt had been posted: from now on there is a card to edit. */
async function posted(loopId: string, staff: string): Promise<void> {
  const delivery = await shop.planned('prompt', staff, loopId);
  await shop.db.pool.transaction(async (tx) => {
    await keepCard(tx, delivery, `D-${staff}:1.000001`);
    await tx.query(sql.unsafe`update deliveries set state = 'sent' where id = ${delivery.id}`);
  });
}

describe('the one message of a task', () => {
  test('says whose words, why you, why now and who is told next; its buttons carry an opaque id and the round', async () => {
    const signal = await shop.hears({ ...green, words: 'Do you have this coat in green?' });
    const card = await shop.slack('prompt', 'jonas');

    expect(linesOf(card)).toEqual([
      `coat · green · High Street · ${signal.reference}`,
      '> Do you have this coat in green?',
      'Kim Adler at High Street, at 10:00, heard by Mina Okafor. teal was offered and refused.',
      'Not taken yet.',
      'You, because outerwear on High Street is yours. Now, because it has just come to you.',
      'If nobody takes it by 12:00, Priya Nair (branch manager) is told.',
      '[I’ll take it] [Hand over] [No action, because…]',
    ]);
    expect(card).toMatchObject({ to: 'jonas@linden-vale.example', colour: '#a3341c' });
    expect(new Set(valuesOf(card))).toEqual(new Set([`${signal.id}:1`]));
    expect(idsOf(card)).toEqual([
      'block_signal_header',
      'block_signal_verbatim',
      'block_signal_context',
      'block_signal_response',
      'action_signal_acknowledge',
      'action_signal_hand_over',
      'action_signal_dismiss',
    ]);
  });

  test('changes in place for everyone who has it: who took it, and no buttons for the others', async () => {
    const signal = await shop.hears({ ...green, words: 'Is the long coat there in green?' });
    await posted(signal.id, 'jonas');
    await shop.db.passTime('2 hours 15 minutes');
    await shop.climbs(signal.id);
    // Jonas has no lead, so that it comes to whoever answers for the place.
    expect(linesOf(await shop.slack('prompt', 'priya', signal.id))).toContain(
      'You, because High Street is yours. Now, because nobody had taken it after 2 working hours.',
    );
    await posted(signal.id, 'priya');
    await acknowledge(shop.db.heed, by(signal.id, 'priya'));
    await shop.db.passTime('-2 hours -15 minutes');

    const others = await shop.slack('card', 'jonas', signal.id);
    expect(others).toMatchObject({ edit: { channel: 'D-jonas', ts: '1.000001' }, colour: '#c98a12' });
    expect(linesOf(others)).toContain('Taken by Priya Nair at 12:15. Not answered yet.');
    expect(valuesOf(others)).toEqual([]);

    const hers = await shop.slack('card', 'priya', signal.id);
    expect(linesOf(hers)).toContain('Taken by you at 12:15. Not answered yet.');
    expect(linesOf(hers)).toContain('You, because you took it.');
    expect(linesOf(hers).at(-1)).toBe('[Answer] [Hand over] [No action, because…]');
  });

  test('takes the call of whoever holds it, too, where the customer agreed to one', async () => {
    const signal = await shop.hears({
      words: 'Was the grey coat charged twice?',
      kind: 'question',
      customer: { name: 'Cal Led', email: 'cal@led.example', phone: '+31 6 44444447' },
      consent: (['email', 'phone'] as const).map((channel) => ({ ...kim.consent[0]!, channel })),
    });
    await posted(signal.id, 'jonas');
    await acknowledge(shop.db.heed, by(signal.id, 'jonas'));
    const card = await shop.slack('card', 'jonas', signal.id);
    expect(linesOf(card).at(-1)).toBe('[Answer] [Record the call] [Hand over] [No action, because…]');
  });

  test('has nothing to press while the customer lets it rest, and goes on when they lift that', async () => {
    const signal = await shop.hears({ ...green, words: 'Is the rain coat there in green?' });
    await posted(signal.id, 'jonas');
    await restrict(shop.db.heed, signal.customer_id!, { by: 'priya' });
    const rests = await shop.slack('card', 'jonas', signal.id);
    expect(rests.colour).toBe('#c98a12');
    expect(linesOf(rests).at(-1)).toBe(
      'The customer has asked that nothing be done with this for now. It goes on when they lift that.',
    );
    expect(valuesOf(rests)).toEqual([]);
    expect(JSON.stringify(rests)).not.toMatch(/rain coat|Kim/);

    await lift(shop.db.heed, signal.customer_id!, { by: 'priya' });
    const goesOn = await shop.slack('card', 'jonas', signal.id);
    expect(linesOf(goesOn).at(-1)).toBe('[I’ll take it] [Hand over] [No action, because…]');
  });

  test('is green and quiet once it is closed, and says why', async () => {
    const signal = await shop.hears({ ...green, words: 'Is the short coat there in green?' });
    await posted(signal.id, 'jonas');
    await dismiss(shop.db.heed, by(signal.id, 'jonas'), { reason: 'She found one.' });

    const card = await shop.slack('card', 'jonas', signal.id);
    expect(card.colour).toBe('#0b5d4e');
    expect(linesOf(card).slice(-1)).toEqual(['Closed by you at 10:00: no action, because: She found one.']);
  });

  test('rings below itself when its person is asked again, instead of a second message', async () => {
    const signal = await shop.hears({ words: 'Why is this coat dearer than online?', kind: 'question', ...kim });
    await posted(signal.id, 'jonas');
    await acknowledge(shop.db.heed, by(signal.id, 'jonas'));
    await shop.db.passTime('1 day 1 hour');
    await shop.climbs(signal.id);
    const ring = await shop.slack('prompt', 'jonas', signal.id);
    await shop.db.passTime('-1 day -1 hour');

    expect(ring).toMatchObject({ under: { channel: 'D-jonas', ts: '1.000001' }, blocks: [] });
    expect(ring.text).toMatch(
      /^Please answer the customer: HD-\w+, High Street\. You, because .*\. Now, because the customer had not been answered after 1 working day\./,
    );
    expect(ring.text).not.toContain('dearer');
  });

  test('of a decider shows the people behind it, four verbs, and the way back while there is one', async () => {
    await shop.db.apply((company) => {
      company.staff['tomas']!.prompts = 'slack';
      delete company.customers.quietHours;
    });
    const signal = await shop.hears({ ...green, words: 'A dress in white, do you have it?' });
    const card = await shop.slack('prompt', 'tomas', signal.insight_id!);
    expect(linesOf(card).slice(1)).toEqual([
      '> A dress in white, do you have it?',
      'One person asks for this. One refused teal.',
      'Not decided yet: by Monday 22 June.',
      'You, because what we carry is yours to decide. Now, because it waits for a decision.',
      'If nothing is decided by Thursday 18 June, 10:00, you are asked again.',
      '[Yes, for everyone] [Yes, for these people] [No, because…] [Keep listening] [Hand over]',
    ]);
    await posted(signal.insight_id!, 'tomas');
    await decide(shop.db.heed, by(signal.insight_id!, 'tomas'), { outcome: 'declined', reason: 'It does not sell.' });

    const decided = await shop.slack('card', 'tomas', signal.insight_id!);
    expect(linesOf(decided).slice(-2)).toEqual([
      'Decided by you at 10:00: no. You can take it back until 10:10.',
      '[Take it back]',
    ]);
  });

  test('names the day on which what was put off is looked at again, until so many have asked as were waited for', async () => {
    const words = 'A coat in white, do you have it?';
    const signal = await shop.hears({ ...green, words });
    await posted(signal.insight_id!, 'tomas');
    await decide(shop.db.heed, by(signal.insight_id!, 'tomas'), {
      outcome: 'deferred',
      reason: 'Too few yet.',
      wakeAt: '2026-07-01T07:00:00Z',
      untilPeople: 2,
    });
    const putOff = linesOf(await shop.slack('card', 'tomas', signal.insight_id!));
    expect(putOff).toContain('Decided by you at 10:00: keep listening. Time to look again: Wednesday 1 July.');
    // Nothing is asked of him until then.
    expect(putOff).toContain('You, because what we carry is yours to decide.');
    await posted(signal.id, 'jonas');
    await approveFollowUp(shop.db.heed, by(signal.id, 'jonas'), { words: 'Dear Kim, I ask.', promiseOn: '2026-06-24' });
    const jonas = linesOf(await shop.slack('card', 'jonas', signal.id));
    expect(jonas).toContain('Answered by you at 10:00. Tomás Rey decides by Wednesday 1 July.');

    await shop.hears({ words, offered: green.offered });
    expect(linesOf(await shop.slack('card', 'tomas', signal.insight_id!))).toContain(
      'Decided by you at 10:00: keep listening. As many have asked as were waited for: time to look again.',
    );
  });
});

test('the card of what is to be done by a day does not call it due before that day', async () => {
  const signal = await shop.hears({ ...green, words: 'A coat in yellow, do you have it?' });
  await posted(signal.insight_id!, 'tomas');
  await decide(shop.db.heed, by(signal.insight_id!, 'tomas'), {
    outcome: 'adopted',
    scope: 'everyone',
    reason: 'It comes in July.',
    doneBy: '2026-07-20',
  });
  await shop.tells(signal.insight_id!);
  const lines = linesOf(await shop.slack('card', 'tomas', signal.insight_id!));
  expect(lines).toContain('Decided by you at 10:00: yes, for everyone. To be done by Monday 20 July.');
  expect(lines).toContain('You, because what we carry is yours to decide.');
  expect(lines.at(-1)).toBe('[It is done] [Hand over]');
});

test('whoever captured it hears in Slack what became of it, where they prefer that', async () => {
  await shop.db.apply((company) => {
    company.staff['mina']!.prompts = 'slack';
  });
  const signal = await shop.hears({ words: 'Nothing, just looking <!channel>', kind: 'question' });
  await dismiss(shop.db.heed, by(signal.id, 'priya'), { reason: 'They only looked.' });
  const news = await shop.slack('news', 'mina', signal.id);

  expect(blockRefusals(news.blocks, 'message')).toEqual([]);
  expect(linesOf(news)).toEqual([
    `No action on ${signal.reference}, and why`,
    '> Nothing, just looking <!channel>',
    'Priya Nair read it, and nothing will be done about it.\nThe reason: They only looked.',
    'What you captured',
  ]);
  expect(news.text).toBe(`No action on ${signal.reference}, and why`);
});

test('whom Slack knows by now is written to as Slack knows them, by whatever address they are kept here', async () => {
  const signal = await shop.hears({ words: 'Where is the way in?', kind: 'question' });
  const card = () => shop.slack('prompt', 'priya', signal.id);
  expect((await card()).to).toBe('priya@linden-vale.example');
  await keepSlackId(shop.db.pool, { code: 'priya', email: 'priya@linden-vale.example' }, 'U0PRIYA');
  expect((await card()).to).toBe('U0PRIYA');
  await posted(signal.id, 'priya');
  await acknowledge(shop.db.heed, by(signal.id, 'priya'));
  expect((await shop.slack('card', 'priya', signal.id)).to).toBe('U0PRIYA');
  await shop.db.pool.transaction((tx) =>
    planDelivery(tx, {
      key: 'notice-known',
      purpose: 'notice',
      channel: 'slack',
      staff: 'priya',
      loopId: signal.id,
      round: 1,
      body: { subject: 'An answer did not arrive', text: 'Call them?' },
    }),
  );
  expect((await shop.slack('notice', 'priya', signal.id)).to).toBe('U0PRIYA');
});

test('a notice says what it was planned to say, and leads to what it is about', async () => {
  const signal = await shop.hears({ words: 'Where is the exit?', kind: 'question' });
  await shop.db.pool.transaction((tx) =>
    planDelivery(tx, {
      key: 'notice-1',
      purpose: 'notice',
      channel: 'slack',
      staff: 'priya',
      loopId: signal.id,
      round: 1,
      body: { subject: 'An answer may not have been sent', text: 'Send it again?' },
    }),
  );
  expect(linesOf(await shop.slack('notice', 'priya', signal.id))).toEqual([
    'An answer may not have been sent',
    'Send it again?',
    `Open ${signal.reference}`,
  ]);
});

test('what may not be quoted is on no card: neither words, nor what they were about, nor who said them', async () => {
  const signal = await shop.hears({
    words: 'canaryword was rude to me',
    kind: 'complaint',
    wanted: { item: 'canaryitem' },
    offered: { item: 'canaryoffer', taken: 'refused' },
    note: 'canarynote',
    customer: { name: 'Canary Name', email: 'canary@example.com' },
    consent: kim.consent,
  });
  const card = JSON.stringify(await shop.slack('prompt', 'priya', signal.id));
  expect(card).not.toMatch(/canary/i);
  expect(card).toContain('it is behind the reference');
});

test('nor is what somebody asked for in words of their own, or was offered, on the card of whoever decides it', async () => {
  await shop.db.apply((company) => {
    company.kinds['wish']!.quote = 'link';
    for (const person of Object.values(company.staff)) person.prompts = 'slack';
  });
  const signal = await shop.hears({
    ...kim,
    words: 'canaryword',
    kind: 'wish',
    offered: { item: 'canaryoffer', taken: 'refused' },
    wanted: { item: 'canaryitem', attributes: { colour: 'green' } },
  });
  const insight = await shop.insightOf(signal);
  const card = await shop.slack('prompt', insight.decider, insight.id);
  expect(linesOf(card)[0]).toBe(`green · High Street · ${insight.reference}`);
  expect(linesOf(card)).toContain('One person asks for this. 1 refused what was offered instead.');
  expect(JSON.stringify(card)).not.toContain('canary');
});

test('nor is any of it once the company file calls that kind otherwise: nobody knows what it allowed', async () => {
  await shop.db.apply((company) => {
    company.kinds['wish']!.quote = 'full';
  });
  const said = { ...kim, words: 'canaryword', offered: { item: 'canaryoffer', taken: 'refused' as const } };
  const complaint = await shop.hears({ ...said, kind: 'complaint' });
  const wish = await shop.hears({ ...said, kind: 'wish', wanted: { item: 'canarything' } });
  const insight = await shop.insightOf(wish);
  let kinds: Company['kinds'] = {};
  await shop.db.apply((company) => {
    kinds = company.kinds;
    const { complaint: grievance, wish: hope, ...others } = kinds;
    company.kinds = { ...others, grievance: grievance!, hope: hope! };
  });
  for (const card of [
    await shop.slack('prompt', 'priya', complaint.id),
    await shop.slack('prompt', insight.decider, insight.id),
  ])
    expect(JSON.stringify(card)).not.toContain('canary');
  await shop.db.apply((company) => {
    company.kinds = kinds;
  });
});

test('out of nothing that a customer said comes a mention, a link, or a message that Slack would refuse', async () => {
  const signal = await shop.hears({ ...green, words: 'placeholder coat?', kind: 'question' });
  const prompt = await shop.planned('prompt', 'jonas', signal.id);
  const nasty = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
    fc
      .array(
        fc.constantFrom(
          '<!channel>',
          '<!here|x>',
          '<@U012AB3CD>',
          '<https://evil.example|our shop>',
          'https://evil.example',
          '*b*',
          '`c`',
          '&lt;',
          '<',
          '>',
          '\n',
          '@here',
          ' ',
        ),
        { minLength: 1, maxLength: 8 },
      )
      .map((parts) => parts.join('')),
    fc.constantFrom('x'.repeat(9000), '🦉'.repeat(2000)),
  );
  await fc.assert(
    fc.asyncProperty(nasty, nasty, nasty, async (words, name, item) => {
      const clean = (text: string) => text.replaceAll('\0', '').toWellFormed();
      await shop.db.rewrite(
        sql.unsafe`update words set words = ${clean(words)}, offered = ${clean(item)} where signal_id = ${signal.id}`,
      );
      await shop.db.pool.query(sql.unsafe`update customers set name = ${clean(name)} where id = ${signal.customer_id}`);
      await shop.db.rewrite(
        sql.unsafe`update signal_attributes set value = ${clean(item)} where signal_id = ${signal.id}`,
      );
      const composed = await shop.composes(prompt);
      if (!('slack' in composed)) throw new Error(JSON.stringify(composed));
      const card = composed.slack;

      expect(blockRefusals(card.blocks, 'message')).toEqual([]);
      const spans = mrkdwnIn(card).flatMap((text) => kinds(parseMrkdwn(text)));
      expect(spans.filter((kind) => kind === 'mention' || kind === 'link')).toEqual([]);
      // The one link there is in rich text is ours, and leads to our own page.
      expect(richIn(card.blocks).filter(({ type }) => !['text', 'link'].includes(type))).toEqual([]);
      expect(
        richIn(card.blocks)
          .filter(({ type }) => type === 'link')
          .map(({ url, text }) => [url, text]),
      ).toEqual([[`https://heed.test/signals/${signal.id}`, signal.reference]]);
    }),
    { numRuns: 60 },
  );
});

test('while a customer lets it rest, it is quoted neither to whoever decides nor to whoever captured it', async () => {
  await shop.db.apply((company) => {
    delete company.customers.quietHours;
    for (const person of Object.values(company.staff)) person.prompts = 'slack';
  });
  const wanted = { item: 'poncho' };
  const rests = await shop.hears({
    words: 'canaryword',
    kind: 'unmet-demand',
    wanted,
    offered: { item: 'canaryoffer', taken: 'refused' },
    customer: { name: 'Canary Name', email: 'canary@rests.example' },
    consent: kim.consent,
  });
  await shop.hears({ words: 'A poncho, please.', kind: 'unmet-demand', wanted });
  const insight = await shop.insightOf(rests);
  const decides = async () => linesOf(await shop.slack('prompt', insight.decider, insight.id));
  await restrict(shop.db.heed, rests.customer_id!, { by: 'priya' });
  expect((await decides()).join('\n')).not.toMatch(/canary/i);
  expect(await decides()).toEqual(
    expect.arrayContaining(['> A poncho, please.', '2 people ask for this. 1 refused what was offered instead.']),
  );
  await lift(shop.db.heed, rests.customer_id!, { by: 'priya' });
  expect(await decides()).toEqual(
    expect.arrayContaining(['> canaryword', '2 people ask for this. One refused canaryoffer.']),
  );

  await posted(insight.id, insight.decider);
  await decide(shop.db.heed, by(insight.id, insight.decider), { outcome: 'declined', reason: 'We make none.' });
  await shop.tells(insight.id);
  const news = async () => JSON.stringify(await shop.slack('news', 'mina', rests.id));
  expect(await news()).toContain('canaryword');
  await restrict(shop.db.heed, rests.customer_id!, { by: 'priya' });
  expect(await news()).not.toMatch(/canary/i);
});

test('a card about what several ask for quotes nobody from the moment on that they let it rest, and does so again once that is lifted', async () => {
  const wanted = { item: 'cape' };
  const stays = { kind: 'unmet-demand', wanted, by: 'mina' };
  const rests = await shop.hears({
    ...stays,
    words: 'canarycape',
    customer: { name: 'Canary Cape', email: 'cape@rests.example' },
    consent: kim.consent,
  });
  await shop.hears({ ...stays, words: 'A cape, please.' });
  const insight = await shop.insightOf(rests);
  await posted(insight.id, insight.decider);
  const drawnAnew = async () => {
    const drawn = await shop.slack('card', insight.decider, insight.id);
    await shop.db.pool.query(
      sql.unsafe`update deliveries set state = 'sent' where purpose = 'card' and loop_id = ${insight.id}`,
    );
    return linesOf(drawn);
  };

  await restrict(shop.db.heed, rests.customer_id!, { by: 'priya' });
  expect((await drawnAnew()).filter((line) => line.startsWith('>'))).toEqual(['> A cape, please.']);
  await lift(shop.db.heed, rests.customer_id!, { by: 'priya' });
  expect(await drawnAnew()).toContain('> canarycape');

  // One that Slack took while they did so was drawn before.
  await shop.db.pool.query(sql.unsafe`delete from slack_cards where loop_id in (${insight.id}, ${rests.id})`);
  await restrict(shop.db.heed, rests.customer_id!, { by: 'priya' });
  await shop.db.pool.query(
    sql.unsafe`update deliveries set state = 'planned' where purpose = 'prompt' and loop_id = ${insight.id}`,
  );
  await posted(insight.id, insight.decider);
  expect(await drawnAnew()).not.toContain('> canarycape');
});

test('what somebody who lets it rest called it in words of their own is not what messages call it, unless others call it so', async () => {
  const wish = {
    kind: 'unmet-demand',
    wanted: { item: 'cloak', attributes: { colour: 'green', 'to fit': 'canaryaunt' } },
  };
  const customer = { name: 'Wim Cloak', email: 'cloak@rests.example' };
  const rests = await shop.hears({ ...wish, words: 'For my aunt.', customer, consent: kim.consent });
  const insight = await shop.insightOf(rests);
  const card = async () => JSON.stringify(await shop.slack('prompt', insight.decider, insight.id));
  expect(await card()).toContain('canaryaunt');
  await restrict(shop.db.heed, rests.customer_id!, { by: 'priya' });
  expect(await card()).toContain('green');
  expect(await card()).not.toMatch(/canaryaunt|cloak/);
  await shop.hears({ ...wish, words: 'For my aunt, too.' });
  expect(await card()).toContain('canaryaunt');
});

interface Piece {
  type: string;
  text?: string | { type: string; text: string };
  url?: string;
  value?: string;
  block_id?: string;
  action_id?: string;
  elements?: Piece[];
}

const pieces = (blocks: object[]): Piece[] =>
  (blocks as Piece[]).flatMap((piece) => [piece, ...pieces(piece.elements ?? [])]);
const wordsOf = ({ text }: Piece): string => (typeof text === 'string' ? text : (text?.text ?? ''));
/** Everything that Slack reads as mrkdwn: the text, and texts that say they are. */
const mrkdwnIn = (card: SlackMessage): string[] => [
  card.text,
  ...pieces(card.blocks)
    .map((piece) => (piece.type === 'mrkdwn' ? piece : (piece.text as Piece | undefined)))
    .flatMap((text) => (text?.type === 'mrkdwn' ? wordsOf(text) : [])),
];
const richIn = (blocks: object[]): Piece[] =>
  (blocks as Piece[])
    .filter(({ type }) => type === 'rich_text')
    .flatMap((block) => block.elements ?? [])
    .flatMap((part) => part.elements ?? []);
const kinds = (spans: Span[]): string[] => spans.flatMap((span) => ('spans' in span ? kinds(span.spans) : [span.kind]));
const valuesOf = (card: SlackMessage): string[] => pieces(card.blocks).flatMap(({ value }) => value ?? []);
const idsOf = (card: SlackMessage): string[] =>
  pieces(card.blocks).flatMap((piece) => piece.block_id ?? piece.action_id ?? []);

/** A card as it reads, line by line. */
const linesOf = (card: SlackMessage): string[] =>
  (card.blocks as Piece[]).flatMap(({ type, text, elements = [] }) => {
    if (type === 'section') return [wordsOf({ type, ...(text && { text }) })];
    if (type === 'context') return elements.map(wordsOf);
    if (type === 'actions') return [elements.map((button) => `[${wordsOf(button)}]`).join(' ')];
    return elements.map(
      (part) => `${part.type === 'rich_text_quote' ? '> ' : ''}${(part.elements ?? []).map(wordsOf).join('')}`,
    );
  });
