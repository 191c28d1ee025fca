/** The page of a signal, and what is pressed on it. */

import { Hono, type Context } from 'hono';
import { localDate } from '../../../domain/calendar.ts';
import { isInSight, mayActOnSignal } from '../../../domain/entitlement.ts';
import { DomainError } from '../../../domain/errors.ts';
import { longDate } from '../../../domain/longDate.ts';
import { ladderPlansOfSignal, lastWordOf, mayBeDismissed, waitsToBeTaken } from '../../../domain/loop.ts';
import { questionOf, saidTo, type Question } from '../../../domain/questions.ts';
import { zoneOf } from '../../../domain/localTime.ts';
import { codesIn } from '../../../domain/reading.ts';
import { recordRefusal } from '../../../store/records/refusals.ts';
import { askedFor } from '../../../store/views/asked.ts';
import { dueNow, whoDecided } from '../../../store/views/insights.ts';
import { sentenceOf } from '../../../store/views/presses.ts';
import { signalPage, type SignalPage } from '../../../store/views/signalPage.ts';
import { similarInsights } from '../../../store/views/similar.ts';
import { draftAnswer, isCallAboutDecision } from '../../responses/draft.ts';
import { replyVerbs, type Acting } from '../../../web/acts.ts';
import type { Filled } from '../../../web/fields.ts';
import { signal as signalBody, type Possible, type SignalShown } from '../../../web/signal.ts';
import type { Clock } from '../../../web/when.ts';
import { mustBeSignedIn, type Visitor } from '../session.ts';
import type { Web } from '../web.ts';
import { draw, firstName, runOf } from './draw.ts';
import { one, readForm, Unfit } from './forms.ts';
import { titleOf } from './titles.ts';
import { keyOf, respondWith } from './verbs.ts';

export function signalPages(web: Web): Hono {
  const app = new Hono();
  app.get('/signals/:id', async (c) => show(c, web, await mustBeSignedIn(c, web)));
  app.post('/signals/:id/:verb', async (c) => {
    const visitor = await mustBeSignedIn(c, web);
    const { id, verb } = c.req.param();
    const form = await readForm(c);
    await seen(web, visitor, id);
    const pressed = { loopId: id, by: visitor.code, verb, form, source: 'web' as const };
    try {
      await respondWith(web.heed, 'signal', pressed);
    } catch (error) {
      if (error instanceof Unfit) return show(c, web, visitor, { verb, filled: error.filled, status: error.status });
      throw error;
    }
    const to = one(form, 'from') === 'tasks' ? '/tasks' : `/signals/${id}`;
    return c.redirect(`${to}?said=${encodeURIComponent(keyOf(pressed))}`, 303);
  });
  return app;
}

async function show(
  c: Context,
  web: Web,
  visitor: Visitor,
  returned?: { verb: string; filled: Filled; status: Unfit['status'] },
): Promise<Response> {
  const id = c.req.param('id')!;
  const page = await seen(web, visitor, id);
  const shown = await shownTo(web, visitor, page, returned);
  const pressed = c.req.query('said');
  const after = {
    sentence:
      pressed && !returned
        ? ((await sentenceOf(web.heed.pool, { source: 'web', key: pressed, person: visitor.code })) ?? undefined)
        : undefined,
    thanks:
      c.req.query('captured') !== undefined && page.signal.captured_by === visitor.code
        ? firstName(visitor.name)
        : undefined,
    // A refusal without a form of its own to stand in (somebody was faster) is said on top.
    refusal:
      returned && ![shown.act?.acting, shown.settling, shown.customer?.vouching].some((acting) => acting?.returned)
        ? returned.filled.refusal
        : undefined,
  };
  const clock = { now: page.now, zone: zoneOf(visitor.company, page.signal.place) };
  return draw(
    c,
    web,
    { title: `${page.signal.reference}, ${shown.place}`, live: true, ...(returned && { status: returned.status }) },
    signalBody(shown, clock, after, runOf(web, 'signal', id)),
  );
}

/** What the page shows, if this person may see it; else it is not there (404). */
async function seen(web: Web, { code, company, sight }: Visitor, id: string): Promise<SignalPage> {
  const page = isId(id) ? await signalPage(web.heed.pool, company, id, sight) : null;
  if (page && mayActOnSignal(company, code, { ...page.signal, told: page.told })) return page;
  if (page) await recordRefusal(web.heed.pool, { door: 'page', why: 'not_theirs', whose: code });
  throw nothingHere();
}

export const isId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

export const nothingHere = (): DomainError =>
  new DomainError('not_found', 'There is nothing here under that address, or it is not yours to see.');

async function shownTo(
  web: Web,
  visitor: Visitor,
  page: SignalPage,
  returned: { verb: string; filled: Filled } | undefined,
): Promise<SignalShown> {
  const { company } = visitor;
  const { signal, words, insight, customer } = page;
  const nameOf = (code: string): string => company.staff[code]?.name ?? code;
  const { item, ...attributes } = words?.attributes ?? {};
  const act = await possible(web, visitor, page, returned);
  // What was asked for elsewhere is named by the company's own words, and by what was said here: others typed the rest, about themselves.
  const knownHere = (asked: Record<string, string>): Record<string, string> => ({
    ...Object.fromEntries(Object.entries(asked).filter(([name, value]) => words?.attributes[name] === value)),
    ...codesIn(asked, company.vocabulary),
  });
  return {
    id: signal.id,
    reference: signal.reference,
    sample: signal.sample,
    words: words?.words ?? null,
    note: words?.note ?? null,
    wanted: words && Object.keys(words.attributes).length > 0 ? titleOf(company, { kind: '', ...words }) : '',
    kind: signal.kind ? (company.kinds[signal.kind]?.name ?? signal.kind) : undefined,
    mood: signal.mood,
    place: company.places[signal.place]?.name ?? signal.place,
    saidAt: signal.said_at,
    stage: page.stage,
    past: page.timeline,
    next: page.next,
    owner: {
      code: signal.owner,
      name: nameOf(signal.owner),
      title: company.staff[signal.owner]?.title ?? '',
      since: signal.owned_since,
      reason: signal.owner_reason,
      taken: signal.acknowledged_at !== null,
    },
    customer: customer
      ? {
          name: customer.name,
          mayHear: mayHear(page),
          reachable: signal.reach !== null,
          vouching:
            page.bounced && !signal.sample && !signal.restricted
              ? actingOn(visitor, signal.id, 'vouching', returned)
              : undefined,
          earlier: page.earlier.map((e) => ({
            id: e.id,
            reference: e.reference,
            words: e.words,
            at: e.captured_at,
            state: e.closed_how ? closing(e.closed_how, e.question).toLowerCase() : 'still open',
          })),
          earlierElsewhere: page.earlierElsewhere,
          owed: owed(page, { now: page.now, zone: zoneOf(company, signal.place) }),
        }
      : undefined,
    insight: insight
      ? {
          // Whoever answers for what was said elsewhere is told what it waits for, and not who else asked.
          id: isInSight(visitor.sight, signal.place) || insight.decider === visitor.code ? insight.id : undefined,
          title: titleOf(company, insight),
          people: insight.people,
          decider: nameOf(whoDecided(insight) ?? insight.decider),
          decideBy: dueNow(insight),
          outcome: insight.outcome && insight.outcome !== 'deferred' ? outcomes[insight.outcome] : null,
        }
      : undefined,
    others: signal.asked_the_same ?? (await askedFor(web.heed.pool, { attributes, ...(item && { item }) }, signal.id)),
    similar:
      act && !signal.restricted && signal.course === 'decide' && page.stage !== 'closed'
        ? (await similarInsights(web.heed.pool, signal.id, visitor.sight)).map((s) => ({
            id: s.id,
            title: titleOf(company, s.words === null ? { ...s, attributes: knownHere(s.attributes) } : s),
            people: s.people,
            words: s.words,
          }))
        : [],
    anew: page.anew,
    doubtful: doubtfulLetters(page),
    settling: signal.sample ? undefined : settlingOf(visitor, page, returned),
    closed:
      signal.closed_at && signal.closed_how
        ? {
            how: closing(signal.closed_how, signal.closed_question),
            by: signal.closed_by ? nameOf(signal.closed_by) : undefined,
            at: signal.closed_at,
            reason: signal.closed_how === 'dismissed' ? signal.closed_reason : null,
          }
        : undefined,
    act,
  };
}

/** Letters to the customer in doubt, as the page tells of them. */
export const doubtfulLetters = ({ doubtful }: SignalPage): SignalShown['doubtful'] =>
  doubtful.map(({ id, purpose, planned_at: since, state, not_before: until, last_error_code: code }) => ({
    id,
    purpose,
    since,
    until: state === 'needs_human' ? undefined : until,
    restored: code === 'restored',
  }));

/** Where somebody says what to do about a letter in doubt. */
function settlingOf(
  visitor: Visitor,
  { signal, doubtful }: SignalPage,
  returned: { verb: string; filled: Filled } | undefined,
): SignalShown['settling'] {
  if (signal.restricted || doubtful.length === 0) return undefined;
  return actingOn(visitor, signal.id, 'repair', returned);
}

/** A form of its own, which comes back where it stands. */
const actingOn = (
  { company }: Visitor,
  id: string,
  verb: string,
  returned: { verb: string; filled: Filled } | undefined,
): Acting => ({
  company,
  base: `/signals/${id}`,
  id,
  key: crypto.randomUUID(),
  returned: returned?.verb === verb ? returned : undefined,
});

const outcomes = { adopted: 'yes', declined: 'no, with a reason' };

const closing = (how: string, question: Question | null): string =>
  how === 'settled' ? `${saidTo[question ?? 'settled'].yes}, they say` : (closings[how] ?? 'Closed');

const closings: Record<string, string> = {
  silent: 'Closed without a word from them',
  nobody_to_reach: 'Closed, with nobody to reach',
  dismissed: 'No action',
  final: 'Closed after our final answer',
  not_settled: 'Not settled',
  joined: 'Joined to another',
  erased: 'Erased',
};

function mayHear({ signal: { reach, unreachable, restricted }, bounced }: SignalPage): string {
  if (restricted) return 'nothing for now: they asked that everything of theirs rests';
  if (reach === 'email') return 'by e-mail, about this';
  const too = bounced && unreachable !== 'bounced' ? '; the address they left takes no mail' : '';
  if (reach) return `by phone, about this${too}`;
  const why: Record<string, string> = {
    no_consent: 'nothing: they did not agree to it',
    no_address: 'nothing: they left no address',
    wrong_number: 'nothing: the number they left is somebody else’s',
    suppressed: 'nothing: they asked us to stop',
    bounced: 'nothing: the address they left takes no mail',
    not_me: 'nothing: that address says it was not them',
  };
  return `${why[unreachable ?? ''] ?? 'nothing'}${too}`;
}

function owed({ owed: { open, promisedOn } }: SignalPage, { now, zone }: Clock): string {
  if (promisedOn) return `a promise, until ${longDate(promisedOn, now, zone)}`;
  if (open === 0) return 'nothing';
  return open === 1 ? 'an answer to this' : `${open} answers`;
}

async function possible(
  web: Web,
  { code, company }: Visitor,
  page: SignalPage,
  returned: { verb: string; filled: Filled } | undefined,
): Promise<Possible | undefined> {
  const { signal, stage, words } = page;
  if (signal.sample) return undefined;
  const asks = asksOf(page);
  // While it rests nothing is done about it; what the customer says for themselves is kept none the less.
  const open = stage !== 'closed' && stage !== 'captured' && !signal.restricted;
  const mayDismiss = open && ['review', 'acknowledge', 'answer'].includes(stage) && mayBeDismissed(signal);
  const isFinal = words === null || signal.closed_how === 'dismissed' || signal.closed_how === 'settled';
  const mayConfirm = lastWordOf(signal) !== null && !isFinal;
  if (!open && !mayConfirm) return undefined;
  const mayTake = asks !== 'take' && asks !== 'review' && waitsToBeTaken(ladderPlansOfSignal(signal));
  const acting = { company, base: `/signals/${signal.id}`, id: signal.id, key: crypto.randomUUID() };
  const letter = await letterFor(web, page, code, asks);
  const verbs = [
    ...(asks === 'review' ? ['review'] : []),
    ...(asks === 'take' || mayTake ? ['acknowledgement'] : []),
    ...(letter ? replyVerbs(letter) : []),
    ...(open ? ['handover'] : []),
    ...(mayDismiss ? ['dismissal'] : []),
    ...(mayConfirm ? ['confirmation'] : []),
  ];
  return {
    acting: { ...acting, returned: returned && verbs.includes(returned.verb) ? returned : undefined },
    asks,
    letter,
    today: localDate(page.now, zoneOf(company, signal.place)),
    mayConfirm,
    question: questionOf(signal),
    mayTake,
    mayGiveAway: open,
    mayDismiss,
  };
}

/** What the stage asks of whoever holds it; no call while what to say in it is not certain. */
export function asksOf({ signal, stage, anew }: Pick<SignalPage, 'signal' | 'stage' | 'anew'>): Possible['asks'] {
  if (signal.restricted) return 'nothing';
  switch (stage) {
    case 'review':
      return 'review';
    case 'acknowledge':
      return 'take';
    case 'answer':
      if (signal.owed_by === 'phone') return anew ? 'nothing' : 'call';
      return signal.owed_by ? 'letter' : 'nothing';
    case 'decision':
      return signal.told_channel === 'phone' && signal.reach && !anew ? 'call' : 'nothing';
    default:
      return 'nothing';
  }
}

/** The draft in the name of `by`, or what to say on the phone. */
export async function letterFor(
  web: Web,
  { signal, customer, anew }: Pick<SignalPage, 'signal' | 'customer' | 'anew'>,
  by: string,
  asks: Possible['asks'],
): Promise<Possible['letter']> {
  // Who is to be called about a decision is called, although they may have left an address since.
  const asked = asks === 'call' ? { ...signal, owed_by: 'phone' } : signal;
  const phone = asked.owed_by === 'phone' ? (customer?.phone ?? null) : null;
  if (!asked.owed_by || (asks !== 'letter' && asks !== 'call' && asks !== 'take')) return undefined;
  if (anew && isCallAboutDecision(asked)) return undefined;
  const { company } = await web.heed.configuration();
  const draft = await draftAnswer(web.heed.pool, { company }, asked, by);
  const letter = { ...draft, phone, purpose: isCallAboutDecision(asked) ? 'told' : 'answer' } as const;
  return asked.owed_by === 'phone' || !asked.may_be_called
    ? letter
    : { ...letter, call: await letterFor(web, { signal, customer, anew }, by, 'call') };
}
