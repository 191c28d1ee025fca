/** One message to one person: the only thing here that speaks to the world. The ledger decides; to customers at most once, to staff at least
 *  once. Not sent, sent, and nobody knows are three different things. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Company } from '../domain/company.ts';
import { noRoom, promiseOver } from '../domain/notArrived.ts';
import { handOverMs, type PostOffice, type Sent } from '../integrations/letter.ts';
import {
  bodyOf,
  endDelivery,
  evidenceMs,
  holdDelivery,
  lockDelivery,
  lookAgain,
  noteDoubt,
  openAttempt,
  passGate,
  planDelivery,
  putOff,
  recordOutcome,
  settleLeftOpen,
  settleUncertain,
  wentByEmail,
  type Delivery,
  type Outcome,
} from '../store/records/deliveries.ts';
import { knownForMs } from '../store/records/configurations.ts';
import { isErased } from '../store/records/erased.ts';
import { wakeWhoWait } from '../store/records/letters.ts';
import { forgetLinks } from '../store/records/links.ts';
import { lockLoop } from '../store/records/loops.ts';
import { keepCard } from '../store/records/cards.ts';
import {
  planRedactions,
  takeBackNow,
  takeBackPosted,
  takeLateNews,
  takeRightsMails,
} from '../store/records/redactions.ts';
import { inSlackSince } from '../store/records/staff.ts';
import type { Tx } from '../store/pool.ts';
import type { Hands } from './createActivities.ts';
import { compose } from './messages/compose.ts';
import { askWhoAnswers, tellOfDelay, tellOfPromiseOver, tellOfRefusal } from './notArrived.ts';
import { objectionTo } from './objection.ts';
import { callInPlaceOfRefused } from './prompt.ts';

/** What an operator reads as the activity's result: a code. */
export type Delivered = string;

/** A letter to a customer is under way for as long as a mail server may take over it, and a minute more, to record what came of it. A colleague
 *  is rather written to twice, should a mail server that takes longer lose its worker, than a quarter of an hour late; Slack answers in eight
 *  seconds or not at all. */
const leaseMinutes = (d: Delivery): number =>
  d.channel === 'slack' ? 1 : d.policy === 'at_most_once' ? Math.ceil(handOverMs / 60_000) + 1 : 3;
/** Between tries to record what came of a hand-over: the lease outlasts them all. */
const recordAgainMs = [500, 1_000, 2_000, 4_000, 8_000];
/** A Slack prompt that has not arrived by then goes by e-mail. */
const slackPatienceMs = 60_000;
/** By then a new company file is known to whoever lets a message go. */
const companyKnownMs = 2 * knownForMs;

export interface Attempt {
  /** Temporal makes one attempt after the other: whoever opened what is open now has failed, or is no longer heard of. */
  inItsPlace: boolean;
  /** Says every few seconds that it is still at it. */
  beat: () => void;
}

/** Makes one attempt at a delivery, or settles what an earlier one left open. Throws only what is not about this message. */
export async function deliver(
  hands: Hands,
  id: string,
  { inItsPlace, beat }: Attempt = { inItsPlace: false, beat: () => {} },
): Promise<Delivered> {
  const beating = setInterval(beat, 5_000);
  const room: Room = {};
  try {
    let attempt = await acquire(hands, id, room, inItsPlace);
    if (attempt === 'left_open') {
      await settleDoubt(hands, id, inItsPlace);
      attempt = await acquire(hands, id, room);
    }
    if (typeof attempt === 'string') return attempt;
    const { delivery, fence } = attempt;
    // Before there is a letter: where nobody is there to take it, no links are made for it.
    const office = isLetter(delivery) ? await hands.post.connect().catch(codeOf) : undefined;
    if (typeof office === 'string') return await record(hands, delivery, fence, again(delivery, office));
    try {
      return await say(hands, delivery, fence, office);
    } finally {
      office?.close();
    }
  } finally {
    room.leave?.();
    clearInterval(beating);
  }
}

const isLetter = ({ channel, purpose }: Delivery): boolean => channel === 'email' && purpose !== 'redaction';

/** Composes what there is to say by now, and hands it over. */
async function say(
  hands: Hands,
  delivery: Delivery,
  fence: number,
  office: Awaited<ReturnType<PostOffice['connect']>> | undefined,
): Promise<Delivered> {
  const composed = await compose(
    { db: hands.pool, publicUrl: hands.publicUrl, configuration: hands.configuration },
    delivery,
  ).catch(async (error: unknown) => {
    // Nothing has been said yet, so the next attempt need not wait for this lease to run out.
    await record(hands, delivery, fence, again(delivery, 'not_composed'));
    throw error;
  });
  if ('end' in composed) return end(hands, delivery, composed.end, composed.code);
  if ('left' in composed) return record(hands, delivery, fence, again(delivery, 'left', companyKnownMs));
  if ('letter' in composed) {
    const { letter } = composed;
    return handOver(hands, delivery, fence, () => office!.send(letter), letter.to);
  }
  if ('recall' in composed) {
    const recall = hands.recall!;
    return handOver(hands, delivery, fence, () =>
      recall(composed.recall).then(
        (): Sent => ({ accepted: true }),
        () => stillThere,
      ),
    );
  }
  const slack = hands.slack;
  if (!slack) return record(hands, delivery, fence, refused(delivery, 'slack_not_configured'));
  return handOver(hands, delivery, fence, () => slack.send(composed.slack, delivery.id));
}

/** What could not be taken from the mailbox's disk is asked for again. */
const stillThere: Sent = { accepted: false, permanent: false, code: 'mailbox_kept_it' };

/** Taken among the letters in hand, until this attempt is over. */
type Room = { leave?: (() => void) | undefined };

/** An attempt is opened only when, at this moment, the message may be sent. Else a word says why not. */
async function acquire(
  hands: Hands,
  id: string,
  room: Room,
  inItsPlace = false,
): Promise<{ delivery: Delivery; fence: number } | Delivered> {
  const { company } = await hands.configuration();
  return hands.pool.transaction(async (tx) => {
    const delivery = await lockDelivery(tx, id);
    if (!delivery) return 'unknown';
    if (isLeftOpen(delivery, inItsPlace)) return 'left_open';
    if (!['planned', 'ready'].includes(delivery.state)) return delivery.state;
    if (delivery.held_until) return 'held';
    if (delivery.expired) {
      const ended = await endIn(tx, delivery, 'expired', 'too_late');
      // A call that was given up by hand.
      await callInPlaceOfRefused(tx, company, delivery);
      return ended;
    }
    const objection = await objectionTo(tx, delivery, company);
    if (objection && 'until' in objection) {
      await holdDelivery(tx, id, objection.until, objection.code);
      return 'held';
    }
    if (objection) {
      const ended = await endIn(tx, delivery, objection.end, objection.code);
      if (objection.code === promiseOver) await tellOfPromiseOver(tx, company, delivery);
      return ended;
    }
    // What a real mail server took is with whoever received it.
    if (delivery.purpose === 'redaction' && delivery.channel === 'email' && !hands.recall)
      return endIn(tx, delivery, 'suppressed', 'out_of_reach');
    if (delivery.channel === 'email' && !(room.leave ??= hands.post.takeRoom())) {
      await putOff(tx, id);
      await tellOfDelay(tx, company, delivery, noRoom);
      return noRoom;
    }
    return { delivery, fence: await openAttempt(tx, id) };
  });
}

/** By an earlier attempt: its lease is dead, or this one is made in its place, or its doubt has waited long enough for evidence. */
const isLeftOpen = ({ state, phase, lease_is_live, held_until }: Delivery, inItsPlace: boolean): boolean =>
  (state === 'sending' && (!lease_is_live || (inItsPlace && phase === 'open'))) ||
  (state === 'uncertain' && !held_until);

/** Through the gate, which commits "handed over" first; from here on silence means that nobody knows. */
async function handOver(
  hands: Hands,
  d: Delivery,
  fence: number,
  send: () => Promise<Sent>,
  address?: string,
): Promise<Delivered> {
  const opened = await passGate(hands.pool, d.id, fence, leaseMinutes(d)).catch(() => undefined);
  // Whether it opened or not, nothing went through: this attempt alone knows that. A gate that opens after this meets a row that is not its own.
  if (opened === undefined) return recordSurely(hands, d, fence, again(d, 'gate_unknown'));
  if (!opened) return 'overtaken';
  let sent: Sent;
  try {
    sent = await send();
  } catch (error) {
    return recordSurely(hands, d, fence, { state: 'uncertain', code: codeOf(error), againInMs: doubtMs(d) });
  }
  if (sent.accepted) return recordSurely(hands, d, fence, { state: 'sent', providerRef: sent.ref });
  if (sent.permanent) {
    const gone = sent.nobodyThere && d.customer_id ? address : undefined;
    return recordSurely(hands, d, fence, refused(d, sent.code, gone));
  }
  return recordSurely(hands, d, fence, again(d, sent.code, sent.againInMs));
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown');

/** What came of a hand-over nobody else knows: while Postgres is away for a moment it is said again, rather than left in doubt. */
async function recordSurely(hands: Hands, d: Delivery, fence: number, outcome: Outcome): Promise<Delivered> {
  for (const ms of recordAgainMs) {
    try {
      return await record(hands, d, fence, outcome);
    } catch {
      await sleep(ms);
    }
  }
  return record(hands, d, fence, outcome);
}

/** How long evidence is waited for: a Slack call cannot be in flight any more after that. */
function doubtMs(d: Delivery): number {
  if (d.channel === 'slack') return 40_000;
  return d.policy === 'at_least_once' ? 120_000 : evidenceMs;
}

function again(d: Delivery, code: string, againInMs = Math.min(300_000, 2_000 * 2 ** d.attempts)): Outcome {
  return { state: 'ready', code, againInMs };
}

/** For good; but what is to be taken back stands there until it is, so that is tried on. `gone`: the address where there is nobody. */
function refused(d: Delivery, code: string, gone?: string): Outcome {
  return d.purpose === 'redaction' ? again(d, code) : { state: 'failed', code, ...(gone !== undefined && { gone }) };
}

async function record(hands: Hands, d: Delivery, fence: number, outcome: Outcome): Promise<Delivered> {
  const { company } = await hands.configuration();
  await hands.pool.transaction(async (tx) => {
    // Erasing takes back what was sent by then: one of the two waits for the other, and sees what it did.
    if (outcome.state === 'sent' && d.loop_id) await lockLoop(tx, d.loop_id);
    if (!(await recordOutcome(tx, d.id, fence, outcome))) return;
    if (outcome.state === 'ready') await forgetLinks(tx, d);
    await follow(tx, d, outcome, company);
  });
  return outcome.state === 'sent' ? 'sent' : `${outcome.state}:${outcome.code}`;
}

/** What an outcome means for others: a card to edit from now on, the other channel, a loop or somebody of ours that waits for it. */
async function follow(tx: Tx, d: Delivery, outcome: Outcome, company: Company): Promise<void> {
  if (outcome.state === 'sent' && d.channel === 'slack' && d.purpose === 'prompt' && outcome.providerRef)
    await keepCard(tx, d, outcome.providerRef);
  if (d.channel === 'slack' && outcome.state !== 'sent') {
    if (outcome.state === 'failed' || outOfPatience(d, outcome.againInMs)) await goByEmail(tx, d);
  }
  if (outcome.state === 'failed') {
    await callInPlaceOfRefused(tx, company, d);
    await tellOfRefusal(tx, company, d, outcome);
  }
  if (outcome.state === 'ready') await tellOfDelay(tx, company, d, outcome.code);
  else await wakeWhoWait(tx, d);
  if (d.channel === 'email' && d.purpose === 'prompt') await takeBackNow(tx, d.id);
  if (outcome.state === 'sent') await takeBackWhatWasErased(tx, d);
}

/** It was on its way while its words were erased, or whoever it is for. */
async function takeBackWhatWasErased(tx: Tx, d: Delivery): Promise<void> {
  if (d.loop_id && (await isErased(tx, d.loop_id))) await planRedactions(tx, { signals: [d.loop_id] });
  if (d.purpose === 'rights') await takeRightsMails(tx, d.customer_id!);
  if (d.purpose === 'news') await takeLateNews(tx, d.id);
}

/** Whether the next attempt, `againInMs` from now, would come too late for somebody who is waited for. At its first a prompt has only waited since
 *  it was let go: what held it was not Slack. */
function outOfPatience(d: Delivery, againInMs = 0): boolean {
  const since = d.attempts === 0 ? d.due_at : d.planned_at;
  return d.attempts >= 3 || d.now.getTime() + againInMs - since.getTime() > slackPatienceMs;
}

/** Slack will not take it: the same by e-mail, once (a last step goes that way anyway); what still waits for Slack is not sent late on top of
 *  it. A card is only ever the edit of a message that is there. */
async function goByEmail(tx: Tx, d: Delivery): Promise<void> {
  if (isDoneAgain(d)) return;
  const body = await bodyOf(tx, d.id);
  await planDelivery(tx, {
    key: d.dedupe_key.replace(/:slack$/, ':email'),
    purpose: d.purpose,
    channel: 'email',
    loopId: d.loop_id,
    staff: d.staff!,
    ...(d.round !== null && { round: d.round }),
    ...(d.occasion && { occasion: d.occasion }),
    ...(body && { body: { subject: body.subject, text: body.body } }),
  });
  await endDelivery(tx, d.id, 'expired', wentByEmail);
  await noteDoubt(tx, d.id, wentByEmail);
}

async function end(hands: Hands, d: Delivery, state: 'cancelled' | 'suppressed', code: string): Promise<Delivered> {
  return hands.pool.transaction((tx) => endIn(tx, d, state, code));
}

async function endIn(
  tx: Tx,
  d: Delivery,
  state: 'cancelled' | 'suppressed' | 'expired',
  code: string,
): Promise<Delivered> {
  await endDelivery(tx, d.id, state, code);
  await wakeWhoWait(tx, d);
  return `${state}:${code}`;
}

/** What an earlier attempt left behind: open, or in doubt that has waited long enough for evidence. */
async function settleDoubt(hands: Hands, id: string, inItsPlace: boolean): Promise<void> {
  const delivery = await hands.pool.transaction(async (tx) => {
    await settleLeftOpen(tx, id, { inItsPlace });
    return lockDelivery(tx, id);
  });
  if (delivery?.state !== 'uncertain' || delivery.held_until) return;
  if (delivery.channel === 'slack') return settleByHistory(hands, delivery);
  const { company } = await hands.configuration();
  // A prompt is sent again with the same Message-ID; a customer is never written to twice on a guess: a person decides.
  await hands.pool.transaction(async (tx) => {
    if (delivery.policy === 'at_least_once') return settleUncertain(tx, id, 'ready');
    // Thanks are not worth a question, and neither is what belongs to no signal: whether it arrived stays open.
    if (delivery.purpose === 'receipt' || !delivery.loop_id)
      return settleUncertain(tx, id, 'failed', { code: 'left_in_doubt' });
    return (await settleUncertain(tx, id, 'needs_human')) && askWhoAnswers(tx, company, delivery);
  });
}

/** Slack's own history says whether a message is there. Where it can't be read either, whoever waits hears by e-mail. */
async function settleByHistory(hands: Hands, d: Delivery): Promise<void> {
  const found = isDoneAgain(d) ? null : await lookFor(hands, d).catch(() => undefined);
  await hands.pool.transaction(async (tx) => {
    // An erasure that is under way takes back what it finds sent, so it comes before this or after it.
    if (d.loop_id) await lockLoop(tx, d.loop_id);
    if (found === undefined) await lookAgain(tx, d.id);
    if (d.loop_id && d.purpose !== 'redaction' && (await isErased(tx, d.loop_id)))
      return settleErased(tx, { ...d, loop_id: d.loop_id }, found);
    if (found === undefined) return goByEmail(tx, d);
    if (!(await settleUncertain(tx, d.id, found ? 'sent' : 'ready', found ?? {}))) return;
    if (found && d.purpose === 'prompt') await (found.isTheirs ? keepCard(tx, d, found.ref) : callAnew(tx, d));
    if (found) await takeBackWhatWasErased(tx, d);
    if (!found && (outOfPatience(d) || d.last_error_code === wentByEmail)) await goByEmail(tx, d);
  });
}

/** Whether doing it once more does no harm and nothing in Slack tells that it was done: an edit, or a message taken back. */
const isDoneAgain = ({ purpose }: Delivery): boolean => purpose === 'card' || purpose === 'redaction';

/** It is before somebody who has the code no more: nobody's card. Whoever has it now, or stands in for them, is called by e-mail. */
async function callAnew(tx: Tx, d: Delivery): Promise<void> {
  await takeBackPosted(tx, d.id);
  await goByEmail(tx, d);
}

/** Its words were erased while nobody knew: what is there is taken out, what is not never comes; where nobody can look, it is looked again. */
async function settleErased(tx: Tx, d: Delivery & { loop_id: string }, found?: { ref: string } | null): Promise<void> {
  if (found === undefined) return;
  if (!(await settleUncertain(tx, d.id, found ? 'sent' : 'ready', found ?? {}))) return;
  if (found) await planRedactions(tx, { signals: [d.loop_id] });
  else await endDelivery(tx, d.id, 'cancelled', 'erased');
}

/** Where it is in Slack, 'channel:ts', and whether that is before whoever has the code now; or null on proof of absence from wherever it may have
 *  gone. Throws when it could not look. */
async function lookFor({ slack, pool }: Hands, d: Delivery): Promise<{ ref: string; isTheirs: boolean } | null> {
  for (const { who, is_theirs: isTheirs } of await inSlackSince(pool, d.staff!, d.planned_at)) {
    const slackId = who.includes('@') ? await slack?.idOf(who) : who;
    // Whom Slack does not know by their address any more may still have it before them.
    if (!slack || !slackId) throw new Error('Slack does not say whom it may have gone to.');
    const ref = await slack.find(slackId, d.id, d.planned_at);
    if (ref) return { ref, isTheirs };
  }
  return null;
}
