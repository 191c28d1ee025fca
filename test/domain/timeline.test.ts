import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { Company } from '../../src/domain/company.ts';
import { readCompany } from '../../src/domain/companyFile.ts';
import type { SignalStage } from '../../src/domain/loop.ts';
import { timelineOf, type Telling } from '../../src/domain/timeline.ts';
import { TimelineEvent } from '../../src/domain/timelineEvents.ts';
import { whatIsNext, whatIsNextForCustomer, type LoopAhead } from '../../src/domain/whatIsNext.ts';

const shop = companyIn('shop');
const at = (moment: string): Date => new Date(`2026-06-${moment}:00+02:00`);

/** An event as the view hands it over. */
const happened = (moment: string, kind: string, detail: object = {}, by: string | null = null): TimelineEvent =>
  TimelineEvent.parse({ at: at(moment), kind, by, detail });
const rung = (wait: string, step: number, counted: string, due: string, staff: string, more: object = {}): object => ({
  wait,
  step,
  staff,
  role: 'lead',
  repeat: 0,
  countedFrom: at(counted).toISOString(),
  dueAt: at(due).toISOString(),
  reason: '',
  collapsed: false,
  ...more,
});
const told = (events: TimelineEvent[], telling: Telling = { audience: 'staff' }, company: Company = shop): string[] =>
  timelineOf(events, company, telling).map(({ sentence }) => sentence);
const one = (
  kind: string,
  detail: object = {},
  by: string | null = null,
  telling: Telling = { audience: 'staff' },
): string | undefined => told([happened('15T09:00', kind, detail, by)], telling)[0];

// Saturday 13 June 2026 and the week after, as in the still page of a signal.
const story = [
  happened(
    '13T15:20',
    'captured',
    { channel: 'web', taken: 'refused', offered: 'teal', unmet: "Don't carry it", consent: ['email'] },
    'mina',
  ),
  happened('13T15:20', 'owned', { staff: 'priya', cause: 'captured', reason: 'High Street is yours', round: 1 }),
  happened('13T15:21', 'triaged', {
    verdict: 'pursue',
    course: 'decide',
    kind: 'unmet-demand',
    priority: 3,
    rule: 'asks for a colour',
    why: '…',
    reason: null,
  }),
  happened('13T15:21', 'enriched', { earlier: 2, owed: 1, askedTheSame: 13 }),
  happened('13T15:21', 'joined', {
    insight: 'i-1',
    kind: 'unmet-demand',
    attributes: { item: 'coat', colour: 'green' },
    others: 13,
  }),
  happened('13T15:21', 'owned', {
    staff: 'jonas',
    cause: 'routed',
    reason: 'outerwear on High Street is yours',
    round: 1,
  }),
  happened('13T15:21', 'prompted', rung('acknowledged', 0, '13T15:21', '13T15:21', 'jonas')),
  happened('13T15:22', 'sent', { purpose: 'receipt', channel: 'email', round: 1, state: 'sent', error: null }),
  happened('15T10:00', 'escalated', rung('acknowledged', 1, '13T15:21', '15T09:21', 'priya', { collapsed: true })),
  happened('15T11:21', 'escalated', rung('acknowledged', 2, '13T15:21', '15T11:21', 'priya')),
  happened('15T13:06', 'owned', { staff: 'priya', cause: 'taken', reason: 'you took it', round: 1 }, 'priya'),
  happened('15T13:06', 'acknowledged', { round: 1 }, 'priya'),
  happened(
    '15T15:40',
    'answered',
    { channel: 'email', rule: null, final: false, round: 1, promisedOn: '2026-06-19' },
    'priya',
  ),
  happened('15T15:41', 'sent', { purpose: 'answer', channel: 'email', round: 1, state: 'sent', error: null }),
];

describe('the timeline', () => {
  test('tells the story of a signal in sentences, without its noise', () => {
    expect(told(story)).toEqual([
      "Captured by Mina Okafor. Could not be met: Don't carry it. Teal was offered and not wanted. May be written to by e-mail.",
      "Read as “asked for something we don't have”, priority 3, by the rule “asks for a colour”. It calls for an answer and a decision.",
      'They had told us something two times before. We still owe them an answer. 13 others asked for the same.',
      'Joined “coat · green”, 13 others said the same.',
      'Given to Jonas Weber: “outerwear on High Street is yours”.',
      'Jonas Weber was asked to take it.',
      'Thanked by e-mail.',
      'Nobody had taken it after four working hours. Priya Nair was told.',
      'Priya Nair took it.',
      'Answered by e-mail by Priya Nair. A promise until the end of Friday 19 June.',
    ]);
  });

  test('marks where nobody acted, and where it stands', () => {
    const lines = timelineOf(story, shop, { audience: 'staff' });
    expect(lines.filter(({ tone }) => tone === 'late').map(({ kind }) => kind)).toEqual(['escalated']);
    expect(lines.filter(({ tone }) => tone === 'now').map(({ kind }) => kind)).toEqual(['answered']);
    const closed = timelineOf(
      [...story, happened('20T10:00', 'closed', { how: 'settled', rule: null, reason: null, round: 1 })],
      shop,
      { audience: 'staff' },
    );
    expect(closed.filter(({ tone }) => tone === 'now')).toEqual([]);
    expect(lines.find(({ kind }) => kind === 'joined')?.insight).toBe('i-1');
  });

  test('tells the customer what concerns them: no ladders, no routing, no reasons for colleagues', () => {
    const whole = [
      ...story,
      happened(
        '18T12:00',
        'decided',
        {
          outcome: 'adopted',
          scope: 'everyone',
          reason: 'Green is coming.',
          internalReason: 'the mill agreed',
          doneBy: '2026-09-01',
          wakeAt: null,
          untilPeople: null,
          version: 1,
        },
        'tomas',
      ),
      happened(
        '18T12:10',
        'told',
        {
          outcome: 'adopted',
          scope: 'everyone',
          reason: 'Green is coming.',
          doneBy: '2026-09-01',
          channel: 'email',
          whyNot: null,
          insight: 'i-1',
        },
        'tomas',
      ),
      happened('19T08:00', 'vouched', { how: 'given' }),
      happened('19T09:00', 'repaired', { action: 'wake', reason: 'disk', by: 'otto' }),
      happened('19T10:00', 'confirmed', { says: 'yes', question: 'settled', words: null, late: false, round: 1 }),
      happened('19T10:00', 'closed', { how: 'settled', rule: null, reason: null, round: 1 }),
    ];
    expect(told(whole, { audience: 'customer' })).toEqual([
      'You told Mina Okafor.',
      'We thanked you by e-mail.',
      'Priya Nair (branch manager) is looking after it.',
      'Priya Nair (branch manager) wrote to you and promised that you hear from us by Friday 19 June.',
      'Decided by Tomás Rey (buyer): yes. Green is coming. It should be done by Tuesday 1 September.',
      'You said that it is settled.',
      'We are glad it is settled.',
    ]);
  });

  test('words how long somebody waited as the company file does, and by the clock where that was changed since', () => {
    const late = (company: Company): string | undefined =>
      told(
        [happened('15T11:21', 'escalated', rung('acknowledged', 2, '13T15:21', '15T11:21', 'priya'))],
        { audience: 'staff' },
        company,
      )[0];
    expect(late(shop)).toBe('Nobody had taken it after four working hours. Priya Nair was told.');
    const changed = structuredClone(shop);
    changed.ladders.acknowledging.rungs[2]!.after = { amount: 6, unit: 'bh' };
    expect(late(changed)).toBe('Nobody had taken it after a day. Priya Nair was told.');
    expect(
      told([
        happened('15T11:21', 'escalated', rung('acknowledged', 4, '13T15:21', '15T11:21', 'ingrid', { repeat: 1 })),
      ]),
    ).toEqual(['Still: nobody had taken it. Ingrid Solberg was told again.']);
  });

  test('says of whoever holds it that they were reminded', () => {
    const events = [
      happened('13T09:00', 'owned', {
        staff: 'tomas',
        cause: 'opened',
        reason: 'what we carry is yours to decide',
        round: 1,
      }),
      happened('18T09:00', 'escalated', rung('decided', 1, '15T09:00', '18T09:00', 'tomas')),
    ];
    expect(told(events)).toEqual([
      'Tomás Rey decides: “what we carry is yours to decide”.',
      'Nothing had been decided after three working days. Tomás Rey was reminded.',
    ]);
  });

  test.each([
    ['no', 'settled', null, 'Not settled, Kim says.'],
    ['yes', 'explained', null, 'Explained clearly, Kim says.'],
    ['no', 'settled', 'Still waiting', 'Not settled, Kim says. “Still waiting”.'],
  ])('a customer’s %s to "%s" is told as theirs', (says, question, words, sentence) => {
    expect(
      one('confirmed', { says, question, words, late: false, round: 1 }, null, { audience: 'staff', customer: 'Kim' }),
    ).toBe(sentence);
  });

  test('a call in the place of a letter that did not arrive has a line, and one that is the answer itself has none of its own', () => {
    const answer = (channel: string) => ({ channel, rule: null, final: false, round: 1, promisedOn: null });
    const reached = happened('15T11:00', 'called', { outcome: 'reached', purpose: 'answer' }, 'priya');
    const letter = [
      happened('15T10:00', 'answered', answer('email'), 'priya'),
      happened('15T10:01', 'sent', {
        purpose: 'answer',
        channel: 'email',
        round: 1,
        state: 'failed',
        error: 'smtp_550',
      }),
      reached,
    ];
    expect(told(letter)).toEqual([
      'Answered by e-mail by Priya Nair.',
      'The answer could not be delivered.',
      'Priya Nair told them on the phone what stands in the letter.',
    ]);
    expect(told(letter, { audience: 'customer' }).at(-1)).toBe('Priya Nair spoke to you.');
    expect(told([happened('15T11:00', 'answered', answer('phone'), 'priya'), reached])).toHaveLength(1);
    expect(one('sent', { purpose: 'answer', channel: 'email', round: 1, state: 'suppressed', error: 'bounced' })).toBe(
      'The answer was not sent: the address takes no mail.',
    );
  });

  test('an answer that was out of date before it left was written, and is not told to the customer as if they had it', () => {
    const answer = (round: number) => ({ channel: 'email', rule: null, final: false, round, promisedOn: null });
    const letter = (round: number, error: string | null) => ({
      purpose: 'answer',
      channel: 'email',
      round,
      state: error ? 'cancelled' : 'sent',
      error,
    });
    const letters = [
      happened('15T10:00', 'answered', answer(1), 'priya'),
      happened('15T11:00', 'answered', answer(2), 'mina'),
      happened('15T11:01', 'sent', letter(1, 'overtaken')),
      happened('15T11:02', 'sent', letter(2, null)),
    ];
    expect(told(letters)).toContain('The answer was not sent: it was out of date by then.');
    expect(told(letters, { audience: 'customer' })).toEqual([expect.stringMatching(/^Mina Okafor .*wrote to you\.$/)]);
  });

  test('the customer reads that somebody wrote to them once that has left, or may have: not while it waits, and also where it was to be sent again', () => {
    const answer = { channel: 'email', rule: null, final: false, round: 1, promisedOn: '2026-06-15' };
    const answered = happened('15T10:00', 'answered', answer, 'priya');
    const became = (state: string, error: string | null) =>
      happened('16T08:00', 'sent', { purpose: 'answer', channel: 'email', round: 1, state, error });
    const again = happened(
      '15T23:00',
      'repaired',
      { action: 'resend', reason: 'It never came.', by: 'priya' },
      'priya',
    );
    const read = (...events: TimelineEvent[]) => told(events, { audience: 'customer' });
    const wrote = expect.stringMatching(/^Priya Nair .*wrote to you and promised/);
    expect(read(answered)).toEqual([]);
    expect(read(answered, became('sent', null))).toEqual([wrote]);
    expect(read(answered, became('suppressed', 'promise_over'))).toEqual([]);
    expect(read(answered, again, became('suppressed', 'promise_over'))).toEqual([wrote]);
    expect(told([answered])).toEqual([expect.stringMatching(/^Answered by e-mail by Priya Nair\./)]);
  });

  test('a letter in the place of one that did not arrive is another answer, by whoever wrote it', () => {
    const answer = (more: object) => ({
      channel: 'email',
      rule: null,
      final: false,
      round: 1,
      promisedOn: null,
      ...more,
    });
    const letters = [
      happened('15T10:00', 'answered', answer({}), 'priya'),
      happened('15T10:01', 'sent', {
        purpose: 'answer',
        channel: 'email',
        round: 1,
        state: 'failed',
        error: 'smtp_550',
      }),
      happened('15T11:00', 'owned', { staff: 'mina', cause: 'taken', reason: 'you answered', round: 1 }, 'mina'),
      happened('15T11:00', 'answered', answer({ promisedOn: '2026-06-19', again: true }), 'mina'),
      happened('15T11:01', 'sent', { purpose: 'answer', channel: 'email', round: 1, state: 'sent', error: null }),
    ];
    expect(told(letters)).toEqual([
      'Answered by e-mail by Priya Nair.',
      'The answer could not be delivered.',
      'Answered again by e-mail by Mina Okafor, in the place of the letter that did not arrive. A promise until the end of Friday 19 June.',
    ]);
    expect(told(letters, { audience: 'customer' }).at(-1)).toMatch(
      /^Mina Okafor .*wrote to you again and promised that you hear from us by Friday 19 June\.$/,
    );
  });

  test('what was only explained clearly is not called settled, to nobody', () => {
    const events = (says: string) => [
      happened('18T09:00', 'confirmed', { says, question: 'explained', words: null, late: false, round: 1 }),
      ...(says === 'yes'
        ? [happened('18T09:00', 'closed', { how: 'settled', rule: null, reason: null, round: 1 })]
        : []),
    ];
    expect(told(events('yes'))).toEqual(['Explained clearly, the customer says.', 'Closed: it was explained clearly.']);
    expect(told(events('yes'), { audience: 'customer' })).toEqual([
      'You said that it was explained clearly.',
      'We are glad it was explained clearly.',
    ]);
    expect(told(events('no'), { audience: 'customer' })).toEqual(['You said that it was not explained clearly.']);
  });

  test('a late yes, and one that a colleague heard, are told as that', () => {
    expect(one('confirmed', { says: 'yes', question: 'settled', words: null, late: true, round: 1 }, 'mina')).toBe(
      'Settled, the customer says, as Mina Okafor heard, after we had stopped waiting.',
    );
  });

  test.each([
    [
      {
        outcome: 'declined',
        scope: null,
        reason: 'It would not sell.',
        internalReason: 'margin',
        doneBy: null,
        wakeAt: null,
        untilPeople: null,
        version: 1,
      },
      'Tomás Rey decided: no. “It would not sell.” Among colleagues: “margin”.',
    ],
    [
      {
        outcome: 'adopted',
        scope: 'these',
        reason: 'We order it',
        internalReason: null,
        doneBy: '2026-07-01',
        wakeAt: null,
        untilPeople: null,
        version: 2,
      },
      'Tomás Rey decided: yes, for these people, by Wednesday 1 July. “We order it”.',
    ],
    [
      {
        outcome: 'adopted',
        scope: 'everyone',
        reason: 'We weave it',
        internalReason: null,
        doneBy: '2028-03-01',
        wakeAt: null,
        untilPeople: null,
        version: 1,
      },
      'Tomás Rey decided: yes, for everyone, by Wednesday 1 March 2028. “We weave it”.',
    ],
    [
      {
        outcome: 'deferred',
        scope: null,
        reason: 'Too few yet',
        internalReason: null,
        doneBy: null,
        wakeAt: '2026-07-15T07:00:00Z',
        untilPeople: 3,
        version: 1,
      },
      'Tomás Rey keeps listening until 15 July 09:00, or until three people have asked: “Too few yet”.',
    ],
  ])('a decision is told with its reasons: %#', (detail, sentence) => {
    expect(one('decided', detail, 'tomas')).toBe(sentence);
  });

  test.each([
    [
      'triaged',
      {
        verdict: 'review',
        course: null,
        kind: 'other',
        priority: 3,
        rule: 'not sure',
        why: 'no other rule matched',
        reason: null,
      },
      null,
      'The rules were not sure what this is (no other rule matched), so a person reads it.',
    ],
    [
      'triaged',
      {
        verdict: 'dismiss',
        course: null,
        kind: 'noise',
        priority: 5,
        rule: 'nothing to read',
        why: '…',
        reason: 'There is nothing in it',
      },
      null,
      'No action, by the rule “nothing to read”: There is nothing in it.',
    ],
    [
      'reviewed',
      { verdict: 'pursue', course: 'answer', kind: 'question', reason: null },
      'priya',
      'Priya Nair read it as “asked a question”. It calls for an answer.',
    ],
    [
      'answered',
      { channel: 'none', rule: 'no_consent', final: false, round: 1, promisedOn: null },
      null,
      'There was nobody to answer: they did not agree to be written to or called.',
    ],
    [
      'answered',
      { channel: 'phone', rule: null, final: true, round: 2, promisedOn: null },
      'priya',
      'Answered on the phone by Priya Nair. This was our final answer.',
    ],
    [
      'called',
      { outcome: 'wrong_number', purpose: 'answer' },
      'priya',
      'Priya Nair called; the number is somebody else’s.',
    ],
    [
      'told',
      {
        outcome: 'adopted',
        scope: 'everyone',
        reason: '',
        doneBy: null,
        channel: null,
        whyNot: 'suppressed',
        insight: 'i',
      },
      'tomas',
      'They could not be told what was decided: they asked us to stop writing.',
    ],
    [
      'sent',
      { purpose: 'told', channel: 'email', round: 1, state: 'bounced', error: null },
      null,
      'The letter about the decision came back: the address did not take it.',
    ],
    [
      'owned',
      { staff: 'femke', cause: 'handed_over', reason: 'she knows the customer', round: 1 },
      'priya',
      'Handed over to Femke de Boer by Priya Nair: she knows the customer.',
    ],
    [
      'closed',
      { how: 'dismissed', rule: null, reason: 'Said twice', round: 1 },
      'priya',
      'No action, says Priya Nair: Said twice.',
    ],
    [
      'closed',
      { how: 'silent', rule: 'window', reason: null, round: 1 },
      null,
      'Closed without a word from the customer.',
    ],
    ['completed', { evidence: 'It hangs in the shop' }, 'tomas', 'Done, says Tomás Rey: It hangs in the shop.'],
    [
      'captured',
      { channel: 'api', taken: null, offered: null, unmet: null, consent: null },
      null,
      'Captured through the API.',
    ],
    [
      'vouched',
      { how: 'put_right' },
      'otto',
      'The address at which mail had bounced is right, says otto: they are written to there again.',
    ],
    [
      'repaired',
      { action: 'resend', reason: 'the server lost its disk', by: 'otto' },
      null,
      'Sent again by otto: the server lost its disk.',
    ],
  ])('%s: %#', (kind, detail, by, sentence) => {
    expect(one(kind, detail, by)).toBe(sentence);
  });
});

describe('what is next', () => {
  const now = at('15T09:30');
  const ahead = (more: Partial<LoopAhead>): LoopAhead => ({
    company: shop,
    now,
    stage: 'acknowledge',
    place: 'high-street',
    owner: 'jonas',
    rungs: [],
    ...more,
  });
  const due = (
    moment: string,
    wait: LoopAhead['rungs'][number]['wait'],
    role: LoopAhead['rungs'][number]['role'],
    step = 1,
  ) => ({ wait, step, repeat: 0, role, due_at: at(moment) });

  test('is the next rung with its time and its person, and what follows', () => {
    expect(
      whatIsNext(
        ahead({
          rungs: [due('15T13:15', 'acknowledged', 'manager'), due('16T09:30', 'acknowledged', 'executive')],
          course: 'answer',
          reachable: true,
        }),
      ),
    ).toEqual([
      { at: at('15T13:15'), sentence: 'If nobody takes it by 13:15, Priya Nair is told.' },
      { sentence: 'The customer is answered, and says whether it is settled.' },
    ]);
  });

  test.each([
    ['15T09:30', 'Jonas Weber is being told now.'],
    ['15T09:31', 'If nobody takes it in 60 seconds, Jonas Weber is reminded.'],
    ['18T12:00', 'If nobody takes it by Thursday 12:00, Jonas Weber is reminded.'],
    ['26T12:00', 'If nobody takes it by 26 June 12:00, Jonas Weber is reminded.'],
  ])('says the time as people do: %s', (moment, sentence) => {
    expect(whatIsNext(ahead({ rungs: [due(moment, 'acknowledged', 'owner')] }))[0]?.sentence).toBe(sentence);
  });

  test('is the customer’s word once they were asked, the end of taking back, and nothing once it is closed', () => {
    expect(
      whatIsNext(ahead({ stage: 'confirmation', rungs: [due('25T10:00', 'confirmed', 'nobody', 0)] }))[0]?.sentence,
    ).toBe('If the customer says nothing by Thursday 25 June, it ends there.');
    expect(whatIsNext(ahead({ stage: 'undo', finalAt: at('15T09:40') }))).toEqual([
      { at: at('15T09:40'), sentence: 'It can be taken back until 09:40; then everyone who asked is told.' },
    ]);
    expect(whatIsNext(ahead({ stage: 'closed' }))).toEqual([]);
  });

  test('is nothing while the customer wants it to rest, and that is said until it is closed', () => {
    const rests = { restricted: true, rungs: [due('15T13:15', 'acknowledged', 'manager')], reachable: true };
    expect(whatIsNext(ahead(rests))).toEqual([
      { sentence: 'The customer has asked that nothing be done with this for now. It goes on when they lift that.' },
    ]);
    expect(whatIsNext(ahead({ ...rests, rungs: [], stage: 'closed' }))).toEqual([]);
  });

  test('for the customer is one line with a name and our promise, and nothing of whom we remind', () => {
    const forKim = (stage: SignalStage, more: Partial<Parameters<typeof whatIsNextForCustomer>[0]> = {}) =>
      whatIsNextForCustomer({
        company: shop,
        now: at('15T10:00'),
        place: 'high-street',
        stage,
        owner: 'priya',
        decider: 'tomas',
        promisedOn: null,
        called: false,
        ...more,
      }).map(({ sentence }) => sentence);
    expect(forKim('captured')).toEqual(['Somebody with a name reads it.']);
    expect(forKim('acknowledge')).toEqual(['Priya Nair reads it and answers you.']);
    expect(forKim('decision', { promisedOn: '2026-06-19' })).toEqual([
      'Tomás Rey decides it. You hear from us either way, by Friday 19 June.',
    ]);
    expect(forKim('decision', { promisedOn: '2027-01-04' })).toEqual([
      'Tomás Rey decides it. You hear from us either way, by Monday 4 January 2027.',
    ]);
    expect(forKim('decision', { called: true })).toEqual(['It is decided. Priya Nair calls you about it.']);
    expect(forKim('answer', { restricted: true })).toEqual([
      'You asked us to let this rest. It goes on when you tell us so.',
    ]);
    // What is asked of them then stands below, and rests with them.
    expect(forKim('confirmation', { restricted: true })).toEqual([]);
    expect(forKim('closed')).toEqual([]);
  });
});

function companyIn(name: string): Company {
  const read = readCompany(readFileSync(new URL(`../../samples/${name}.yaml`, import.meta.url), 'utf8'));
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.company;
}
