import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { sql } from '../../../src/store/pool.ts';
import { keepApiKey } from '../../../src/store/records/apiKeys.ts';
import { suppress } from '../../../src/store/records/customers.ts';
import { signalNow } from '../../../src/store/views/signals.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openApi, type Api } from './contract.ts';
import { goOn } from './story.ts';

let db: TestDatabase;
let api: Api;
beforeAll(async () => {
  db = await openTestDatabase({ company: 'demo', connections: 8 });
  api = await openApi(db);
});
afterAll(() => db.close());

const coat = (size: string) => ({
  words: `Do you have this coat in green, size ${size}?`,
  place: 'high-street',
  by: 'mina',
  kind: 'unmet-demand',
  customer: { name: 'Kim Adler', email: `kim.${size}@example.com` },
  consent: [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }],
});
const complaint = (words = 'Charged twice for the alteration') => ({ ...coat('0'), words, kind: 'complaint' });

async function captured(said: object): Promise<string> {
  const { body } = await api.post('/v1/signals', said);
  await goOn(db, body.id);
  return body.id as string;
}

const respond = (id: string, noun: string, body: object) => api.post(`/v1/signals/${id}/${noun}`, body);
const kindsOf = (body: { timeline: { kind: string }[] }): string[] => body.timeline.map(({ kind }) => kind);
const sentencesOf = (body: { timeline: { sentence: string }[] }): string =>
  body.timeline.map(({ sentence }) => sentence).join('\n');

test('one signal goes all the way round through the API, and its timeline tells it', async () => {
  const id = await captured(coat('42'));
  await db.passTime('26 seconds');
  await goOn(db, id);
  expect((await respond(id, 'acknowledgement', { by: 'priya' })).body).toMatchObject({
    id: expect.any(String),
    sentence: 'It is yours. Next: answer the customer.',
  });
  expect(
    (
      await respond(id, 'follow-up', {
        by: 'priya',
        words: 'We do not have it. Tomás decides.',
        promiseOn: '2999-01-01',
      })
    ).status,
  ).toBe(201);
  const { insight } = (await api.get(`/v1/signals/${id}`)).body;
  expect((await api.get(`/v1/insights/${insight}`)).body).toMatchObject({
    id: insight,
    stage: 'decide',
    decider: { code: 'tomas' },
    people: 1,
    signals: [id],
    decision: null,
  });

  const decided = await api.post(`/v1/insights/${insight}/decision`, {
    by: 'tomas',
    outcome: 'adopted',
    scope: 'everyone',
    reason: 'Green is coming',
    internalReason: 'the mill agreed',
    doneBy: '2999-02-01',
  });
  expect(decided).toMatchObject({ status: 201, body: { sentence: expect.stringContaining('You can take it back') } });
  expect((await api.post(`/v1/insights/${insight}/withdrawal`, { by: 'tomas' })).body.sentence).toBe(
    'Taken back. Nothing has left.',
  );
  await api.post(`/v1/insights/${insight}/decision`, {
    by: 'tomas',
    outcome: 'adopted',
    scope: 'everyone',
    reason: 'Green is coming',
    doneBy: '2999-02-01',
    evidence: [id],
  });
  await db.passTime('1 minute');
  await goOn(db, id);
  expect(
    (await api.post(`/v1/insights/${insight}/completion`, { by: 'tomas', evidence: 'It hangs in the shop' })).status,
  ).toBe(201);
  await goOn(db, id);
  expect((await respond(id, 'confirmation', { says: 'yes' })).body.sentence).toMatch(/glad it is settled/);

  const { body } = await api.get(`/v1/signals/${id}`);
  expect(body).toMatchObject({ stage: 'closed', round: 1, insight });
  expect([...new Set(kindsOf(body))]).toEqual(
    expect.arrayContaining([
      'captured',
      'triaged',
      'owned',
      'prompted',
      'escalated',
      'acknowledged',
      'answered',
      'decided',
      'told',
      'confirmed',
      'closed',
    ]),
  );
  const told = sentencesOf(body);
  expect(told).toContain('Given to Jonas Weber: “outerwear on High Street is yours”.');
  expect(told).toContain('Nobody had taken it after 25 seconds. Priya Nair was told.');
  expect(told).toContain('Priya Nair took it.');
  expect(told).toContain('Answered by e-mail by Priya Nair. A promise until the end of Tuesday 1 January 2999.');
  expect(told).toContain('Tomás Rey decided: yes, for everyone, by Friday 1 February 2999. “Green is coming”.');
  expect(told).toContain('Taken back by Tomás Rey. Nothing had left.');
  expect(told).toContain('Told by e-mail what was decided: yes, for everyone');
  expect(told).toContain('Settled, the customer says.');
  const moments = body.timeline.map(({ at }: { at: string }) => at);
  expect(moments).toEqual([...moments].sort((a: string, b: string) => a.localeCompare(b)));
  expect((await api.get('/v1/insights')).body.data[0]).toMatchObject({
    id: insight,
    stage: 'closed',
    decision: { outcome: 'adopted', version: 2 },
  });
});

test('a no, even after closing, opens the next round one level up', async () => {
  const id = await captured(complaint());
  await respond(id, 'follow-up', { by: 'priya', words: 'We are sorry.' });
  await db.pool.query(
    sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where loop_id = ${id} and purpose = 'answer'`,
  );
  await respond(id, 'confirmation', { says: 'yes' });
  const no = await respond(id, 'confirmation', { says: 'no', words: 'Charged a third time', by: 'mina' });
  expect(no.body.sentence).toContain('Ingrid Solberg will read it');
  const { body } = await api.get(`/v1/signals/${id}`);
  expect(body).toMatchObject({ round: 2, owner: { code: 'ingrid' } });
  const told = sentencesOf(body);
  expect(told.indexOf('Not settled, the customer says, as Mina Okafor heard. “Charged a third time”.')).toBeLessThan(
    told.indexOf('Not settled; starting again.'),
  );
  expect(told.indexOf('Not settled; starting again.')).toBeLessThan(
    told.indexOf('It goes one level up, to Ingrid Solberg.'),
  );
});

test('a yes is the customer’s own word only where the key speaks for others; else its person heard it, or nobody did', async () => {
  const saidBy = async (name: string, ...scopes: string[]) => {
    const id = await captured(complaint());
    await respond(id, 'follow-up', { by: 'priya', words: 'We are sorry.' });
    await db.pool.query(
      sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where loop_id = ${id} and purpose = 'answer'`,
    );
    const key = `key-${randomUUID()}`;
    await keepApiKey(db.pool, key, { name, scopes, by: 'ops' });
    const { status } = await api.app.request(`/v1/signals/${id}/confirmation`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': randomUUID(),
      },
      body: JSON.stringify({ says: 'yes' }),
    });
    const kept = await db.pool.any(sql.type(z.object({ says: z.string(), by: z.string().nullable() }))`
      select says, by from confirmations where loop_id = ${id}`);
    return { status, kept };
  };
  expect(await saidBy('till', 'respond')).toEqual({ status: 400, kept: [] });
  expect(await saidBy('priya', 'respond')).toEqual({ status: 201, kept: [{ says: 'yes', by: 'priya' }] });
  const spoken = { status: 201, kept: [{ says: 'yes', by: null }] };
  expect(await saidBy('shop page', 'respond', 'respond-for')).toEqual(spoken);
});

test('an address at which mail has bounced is given anew by the customer’s own word alone', async () => {
  const customer = { name: 'Ann Anew', email: 'ann@anew.example' };
  await db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: customer.email }], 'bounced'));
  const reachBy = async (by: string | undefined, ...scopes: string[]) => {
    const key = `key-${randomUUID()}`;
    await keepApiKey(db.pool, key, { name: `form ${by} ${scopes.join(' ')}`, scopes, by: 'ops' });
    const answer = await api.app.request('/v1/signals', {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': randomUUID(),
      },
      body: JSON.stringify({ ...complaint(), by, customer }),
    });
    const { id } = (await answer.json()) as { id: string };
    return (await signalNow(db.pool, id))!.reach;
  };
  expect(await reachBy(undefined, 'capture')).toBeNull();
  expect(await reachBy('mina', 'capture', 'respond-for')).toBeNull();
  expect(await reachBy(undefined, 'capture', 'respond-for')).toBe('email');
});

describe('every response', () => {
  test('is counted once: the same key is answered again, and never for another signal', async () => {
    const [one, other] = [await captured(complaint()), await captured(complaint())];
    const key = { 'Idempotency-Key': randomUUID() };
    const first = await api.post(`/v1/signals/${one}/acknowledgement`, { by: 'priya' }, key);
    const again = await api.post(`/v1/signals/${one}/acknowledgement`, { by: 'priya' }, key);
    expect([again.status, again.body, again.headers.get('Idempotency-Replayed')]).toEqual([201, first.body, 'true']);
    expect(await api.post(`/v1/signals/${other}/acknowledgement`, { by: 'priya' }, key)).toMatchObject({ status: 422 });
  });

  test('is refused by name where it knows a field that we do not, or an impossible date', async () => {
    const id = await captured(coat('44'));
    const { insight } = (await api.get(`/v1/signals/${id}`)).body;
    const refused: [string, object, string][] = [
      [`/v1/signals/${id}/acknowledgement`, { by: 'priya', now: true }, 'now'],
      [`/v1/signals/${id}/handover`, { by: 'priya', to: 'jonas' }, 'reason'],
      [`/v1/signals/${id}/handover`, { by: 'priya', to: 'zoe', reason: 'hers' }, 'to'],
      [`/v1/signals/${id}/handover`, { by: 'priya', to: 'constructor', reason: 'hers' }, 'to'],
      [`/v1/signals/${id}/handover`, { by: 'toString', to: 'jonas', reason: 'his' }, 'by'],
      [`/v1/signals/${id}/review`, { by: 'priya', verdict: 'pursue' }, 'course'],
      [`/v1/signals/${id}/dismissal`, { by: 'priya', reason: ' ' }, 'reason'],
      [`/v1/signals/${id}/follow-up`, { by: 'priya', words: 'Hello', promiseOn: '2026-02-30' }, 'promiseOn'],
      [`/v1/signals/${id}/follow-up`, { by: 'priya', words: 'Hello', promiseOn: '2020-01-01' }, 'promiseOn'],
      [`/v1/signals/${id}/call`, { by: 'priya', outcome: 'engaged' }, 'outcome'],
      [`/v1/signals/${id}/confirmation`, { says: 'perhaps' }, 'says'],
      [`/v1/signals/${id}/acknowledgement`, { by: 'zoe' }, 'by'],
      [
        `/v1/insights/${insight}/decision`,
        { by: 'tomas', outcome: 'adopted', scope: 'everyone', reason: 'Yes' },
        'doneBy',
      ],
      [`/v1/insights/${insight}/decision`, { by: 'tomas', outcome: 'deferred', reason: 'Later' }, 'wakeAt'],
      [
        `/v1/insights/${insight}/decision`,
        { by: 'tomas', outcome: 'deferred', reason: 'Later', wakeAt: '2020-01-01T00:00:00Z' },
        'wakeAt',
      ],
      [`/v1/insights/${insight}/completion`, { by: 'tomas' }, 'evidence'],
    ];
    for (const [path, body, name] of refused) {
      expect(await api.post(path, body)).toMatchObject({
        status: 400,
        body: { code: 'validation', invalidParams: expect.arrayContaining([expect.objectContaining({ name })]) },
      });
    }
    expect(kindsOf((await api.get(`/v1/signals/${id}`)).body)).not.toContain('acknowledged');
  });

  test('to somebody who can be called, and whose mail has bounced, is a call: a letter is refused, and says so', async () => {
    const customer = { name: 'Ria Ring', email: 'ria@ring.example', phone: '+31 6 12345675' };
    const consent = ['email', 'phone'].map((channel) => ({ purpose: 'follow_up', channel, wording: '2026-06' }));
    const id = await captured({ ...complaint(), customer, consent });
    await db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: customer.email }], 'bounced'));
    expect(await respond(id, 'follow-up', { by: 'priya', words: 'We are sorry.' })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('is a call, not a letter. Call them and record how it went.') },
    });
    expect((await respond(id, 'call', { by: 'priya', outcome: 'reached' })).status).toBe(201);
    expect(await signalNow(db.pool, id)).toMatchObject({ answered_by: 'priya', answer_channel: 'phone' });
  });

  test('comes to those whose turn it is: others are told whose it is', async () => {
    const id = await captured(coat('46'));
    const { insight } = (await api.get(`/v1/signals/${id}`)).body;
    expect(
      await api.post(`/v1/insights/${insight}/decision`, { by: 'mina', outcome: 'declined', reason: 'No' }),
    ).toMatchObject({ status: 403, body: { detail: 'Tomás Rey decides this. It was not given to you.' } });
    expect(await api.post(`/v1/insights/${insight}/completion`, { by: 'tomas', evidence: 'Done' })).toMatchObject({
      status: 409,
    });
    expect(await api.post(`/v1/insights/${insight}/withdrawal`, { by: 'tomas' })).toMatchObject({ status: 409 });
    expect((await api.post(`/v1/insights/${insight}/acknowledgement`, { by: 'tomas' })).status).toBe(201);
    expect(
      (await api.post(`/v1/insights/${insight}/handover`, { by: 'tomas', to: 'ingrid', reason: 'hers' })).body.sentence,
    ).toBe('It is with Ingrid Solberg now.');
  });

  test('to a closed signal is told who closed it', async () => {
    const id = await captured(complaint());
    expect((await respond(id, 'dismissal', { by: 'priya', reason: 'Said twice' })).body.sentence).toContain(
      'Dismissed',
    );
    for (const [noun, body] of [
      ['acknowledgement', {}],
      ['handover', { to: 'jonas', reason: 'his' }],
      ['follow-up', { words: 'Hello' }],
      ['dismissal', { reason: 'Again' }],
      ['call', { outcome: 'reached' }],
    ] as const) {
      expect(await respond(id, noun, { ...body, by: 'ingrid' })).toMatchObject({
        status: 409,
        body: { code: 'conflict', detail: expect.stringContaining('Priya Nair') },
      });
    }
    expect(sentencesOf((await api.get(`/v1/signals/${id}`)).body)).toContain('No action, says Priya Nair: Said twice.');
  });

  test('a customer who wants a call is called, and a review says what a strange remark is', async () => {
    const wantsCall = {
      ...complaint(),
      customer: { phone: '+31 6 12345678' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '1' }],
    };
    const id = await captured(wantsCall);
    expect(await respond(id, 'follow-up', { by: 'priya', words: 'Hello' })).toMatchObject({ status: 409 });
    expect((await respond(id, 'call', { by: 'priya', outcome: 'no_reply' })).body.sentence).toContain(
      'try again later',
    );
    expect((await respond(id, 'call', { by: 'priya', outcome: 'reached' })).status).toBe(201);
    expect(sentencesOf((await api.get(`/v1/signals/${id}`)).body)).toContain('Answered on the phone by Priya Nair.');

    const strange = await captured({ words: 'The blue one, as always', place: 'high-street' });
    expect((await api.get(`/v1/signals/${strange}`)).body.stage).toBe('review');
    expect(
      (await respond(strange, 'review', { by: 'priya', verdict: 'pursue', course: 'answer', kind: 'question' })).status,
    ).toBe(201);
  });
});

test('of a hundred who take a signal at once one has it, and the slower are told who', async () => {
  const id = await captured(complaint());
  const people = ['priya', 'jonas', 'ingrid'];
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => respond(id, 'acknowledgement', { by: people[n % people.length]! })),
  );
  expect(await db.pool.oneFirst(sql.unsafe`select count(*) from acknowledgements where loop_id = ${id}`)).toBe(1);
  expect(answers.filter(({ status, body }) => status === 201 && body.id)).toHaveLength(1);
  const winner = (await api.get(`/v1/signals/${id}`)).body.owner.name;
  for (const { status, body } of answers) {
    if (status === 201) continue;
    if (status === 200) expect(body).toEqual({ id: null, sentence: 'It is yours already.' });
    else
      expect(body).toMatchObject({
        code: 'conflict',
        detail: expect.stringMatching(`^${winner} took this at \\d\\d:\\d\\d, a moment before you`),
      });
  }
});

test('the report of the loop counts what was decided, and refuses a period or place that is none', async () => {
  const { status, body } = await api.get('/v1/reports/loop');
  expect(status).toBe(200);
  expect(body.own.funnel.map(({ step }: { step: string }) => step)).toEqual([
    'captured',
    'owned',
    'answered',
    'decided',
    'told',
    'settled',
  ]);
  expect(body.own.funnel[0].count).toBe(Number(await db.pool.oneFirst(sql.unsafe`select count(*) from signals`)));
  expect((await api.get('/v1/reports/loop?place=station')).body.own.funnel[0].count).toBe(0);
  for (const query of [
    'place=moon',
    'from=yesterday',
    'from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z',
    'sort=up',
  ]) {
    expect(await api.get(`/v1/reports/loop?${query}`)).toMatchObject({ status: 400, body: { code: 'validation' } });
  }
});
