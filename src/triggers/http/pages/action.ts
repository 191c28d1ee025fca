/** What somebody does by a link from an e-mail, without an account. Opening changes nothing; each press is theirs alone, about that loop alone. */

import { Hono, type Context } from 'hono';
import { localDate } from '../../../domain/calendar.ts';
import type { Company } from '../../../domain/company.ts';
import { sightOf } from '../../../domain/entitlement.ts';
import type { DomainError } from '../../../domain/errors.ts';
import { choosing, linkTo } from '../../../domain/links.ts';
import {
  ladderPlansOfSignal,
  mayBeDismissed,
  waitsMetByInsight,
  waitsMetBySignal,
  waitsToBeTaken,
  type Wait,
} from '../../../domain/loop.ts';
import { zoneOf } from '../../../domain/localTime.ts';
import { useLink, type Link } from '../../../store/records/links.ts';
import { recordRefusal } from '../../../store/records/refusals.ts';
import { whoAnswers, whoSettles } from '../../../store/records/repairs.ts';
import { stillTheirs } from '../../../store/views/action.ts';
import { insightPage } from '../../../store/views/insightPage.ts';
import { dueNow, factsOf, plansOf } from '../../../store/views/insights.ts';
import { sentenceOf, wasPressed } from '../../../store/views/presses.ts';
import { signalPage, type SignalPage } from '../../../store/views/signalPage.ts';
import { actionOnceSignedIn, insightAction, signalAction } from '../../../web/action.ts';
import { replyVerbs } from '../../../web/acts.ts';
import type { Filled } from '../../../web/fields.ts';
import { headline } from '../../../web/insight.ts';
import type { Html } from '../../../web/page.ts';
import { comeBackTo, NotSignedIn, visitorOf } from '../session.ts';
import { secondFactorRequired, type Web } from '../web.ts';
import { draw } from './draw.ts';
import { one, readForm, Unfit, type Form } from './forms.ts';
import { choiceIn, decidingOf } from './insights.ts';
import { asksOf, doubtfulLetters, letterFor } from './signals.ts';
import { whyYou } from './tasks.ts';
import { AlreadyCounted, goneFor, goodLink, noSuchLink, tokenOf } from './links.ts';
import { titleOf } from './titles.ts';
import { keyOf, respondWith, verbsOfWait } from './verbs.ts';

export function actionPages(web: Web): Hono {
  const app = new Hono();
  app.post('/t/:verb', async (c) => {
    const { verb } = c.req.param();
    const form = await readForm(c);
    const token = tokenOf(form);
    const task = await open(c, web, token, { press: { verb, form }, chosen: one(form, 'do') });
    // The same press once more, as by loading its page again, is told what it has done.
    if (task.over && !task.sentence) {
      const over = await overFor(web, task, task.over);
      const before = await wasPressed(web.heed.pool, pressOf({ verb, form }, task.link));
      throw before ? new AlreadyCounted(over.code, over.message) : over;
    }
    if (!verbsOfWait[task.link.wait]?.includes(verb)) throw noSuchLink();
    if (task.signInFirst === 'for everything' || (task.signInFirst === 'to decide' && highStake.includes(verb))) {
      await recordRefusal(web.heed.pool, { door: 'link', why: 'needs_sign_in', whose: task.link.staff });
      comeBackTo(c, web, linkTo('', token));
      throw new NotSignedIn(
        `This takes more than the link, so nothing was recorded. What you typed stands below: sign in as ${task.name} in another window, then send it again.`,
      );
    }
    const pressed = { loopId: task.link.loopId, by: task.link.staff, verb, form, source: 'link' as const };
    try {
      await respondWith(web.heed, task.kind, pressed);
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      const again = await open(c, web, token, {
        chosen: one(form, 'do'),
        returned: { verb, filled: error.filled, status: error.status },
      });
      return show(c, web, again);
    }
    await useLink(web.heed.pool, token);
    return show(c, web, await open(c, web, token, { press: { verb, form } }));
  });
  return app;
}

export const showTask = async (c: Context, web: Web, token: string): Promise<Response> =>
  show(c, web, await open(c, web, token, { chosen: c.req.query('do') }));

interface Given {
  /** The press that led here. */
  press?: { verb: string; form: Form };
  chosen?: string | undefined;
  returned?: { verb: string; filled: Filled; status: Unfit['status'] };
}

interface Task {
  link: { kind: 'task'; token: string; staff: string; loopId: string; wait: string; used: boolean };
  kind: 'signal' | 'insight';
  /** Whose link it is. */
  name: string;
  /** What the link does not do without a session of its person. Everything: signing in takes two factors, and a link is one. To decide: the
   *  company file marks it as of high stake, or knows its kind no more. */
  signInFirst: 'for everything' | 'to decide' | undefined;
  title: string;
  body: Html;
  status: Unfit['status'] | undefined;
  /** Why nothing can be pressed any more; absent while something can. */
  over: string | undefined;
  /** What the press that led here has done. */
  sentence: string | undefined;
}

const overFor = (web: Web, { link }: Task, over: string): Promise<DomainError> =>
  goneFor(web, link, link.used ? 'used' : 'ended', over);

const pressOf = (press: NonNullable<Given['press']>, { loopId, staff }: Pick<Task['link'], 'loopId' | 'staff'>) => ({
  source: 'link',
  key: keyOf({ ...press, loopId }),
  person: staff,
});

async function show(c: Context, web: Web, task: Task): Promise<Response> {
  if (task.over && !task.sentence) throw await overFor(web, task, task.over);
  // The page leads to signing in, which leads back to it, with what was chosen in the letter.
  if (task.signInFirst === 'for everything')
    comeBackTo(c, web, choosing(linkTo('', task.link.token), new URL(c.req.url).search));
  return draw(
    c,
    web,
    { title: task.title, shape: 'letter', alone: true, ...(task.status && { status: task.status }) },
    task.body,
  );
}

/** Everything behind a link, as it is now. Throws `not_found` for a token that never was, and `gone` for one that was ended by hand. */
async function open(c: Context, web: Web, token: string, given: Given): Promise<Task> {
  const found = await goodLink(web, token, 'task', ended('This link has ended; a newer one may be in your mail'));
  if (!found.staff || !found.loop_id || !found.wait) throw noSuchLink();
  const { staff, loop_id: loopId, wait } = found;
  const link = { kind: 'task' as const, token, staff, loopId, wait, used: found.used_at !== null };
  const sentence = given.press
    ? ((await sentenceOf(web.heed.pool, pressOf(given.press, link))) ?? undefined)
    : undefined;
  const task =
    (await ofSignal(web, { ...link, round: found.round }, given, sentence)) ??
    (await ofInsight(c, web, link, given, sentence));
  if (!task) throw noSuchLink();
  const { company } = await web.heed.configuration();
  const opened: Task = {
    ...task,
    name: company.staff[staff]?.name ?? staff,
    link,
    sentence,
    status: given.returned?.status,
  };
  if (!secondFactorRequired(web) || (await isSignedInAs(c, web, staff))) return opened;
  // Nor is anything read that the letter may not have said.
  return {
    ...opened,
    over: undefined,
    signInFirst: 'for everything',
    title: 'Sign in first',
    body: actionOnceSignedIn(opened.name),
  };
}

type Open = Omit<Task, 'link' | 'name' | 'sentence' | 'status'> | undefined;

async function ofSignal(
  web: Web,
  link: Task['link'] & { round: Link['round'] },
  given: Given,
  sentence: string | undefined,
): Promise<Open> {
  const { company } = await web.heed.configuration();
  const page = await signalPage(web.heed.pool, company, link.loopId, sightOf(company, link.staff));
  if (!page) return undefined;
  const { signal, stage, now } = page;
  const nameOf = (code: string): string => company.staff[code]?.name ?? code;
  const clock = { now, zone: zoneOf(company, signal.place) };
  const doubtful = doubtfulLetters(page).filter(({ until }) => until === undefined);
  const settling = link.wait === 'repaired';
  const met = settling
    ? doubtful.length === 0
    : stage === 'closed' ||
      signal.round !== (link.round ?? signal.round) ||
      waitsMetBySignal(signal, 0).includes(link.wait as Wait);
  // About a letter in doubt people are asked whom no ladder has told.
  const theirs =
    (settling && whoSettles(company, signal).includes(link.staff)) ||
    (await stillTheirs(web.heed.pool, signal.id, link.staff));
  // What this mail asked for was done, and it is theirs to go on with. Nothing is asked of those above, nor of anybody while it rests.
  const goesOn =
    !settling &&
    signal.owner === link.staff &&
    !signal.restricted &&
    ['review', 'acknowledge', 'answer'].includes(stage);
  const over = met
    ? goesOn
      ? 'What this mail asked for is done, and it goes on. A newer mail says what is next for you; opening this one changed nothing.'
      : ended(settling ? settledBy(page, nameOf) : metBy(page, nameOf))
    : theirs
      ? undefined
      : ended(`It is with ${nameOf(signal.owner)} now`);
  const asks = over ? 'nothing' : signal.restricted ? 'rests' : settling ? 'doubt' : asksOf(page);
  const letter =
    asks === 'nothing' || asks === 'rests' || asks === 'doubt'
      ? undefined
      : await letterFor(web, page, link.staff, asks);
  const mayDismiss = asks !== 'call' && mayBeDismissed(signal);
  // A letter may be owed as a call by the time that it is sent.
  const shown = (verbsOfWait[link.wait] ?? []).filter((verb) =>
    verb === 'dismissal'
      ? mayDismiss
      : (verb !== 'call' && verb !== 'follow-up') || (letter && replyVerbs(letter).includes(verb)),
  );
  const { refusal, returned } = comeBack(given, over || signal.restricted ? [] : shown);
  const body = signalAction({
    name: nameOf(link.staff),
    acting: { company, base: '/t', link: link.token, id: 'task', key: crypto.randomUUID(), returned },
    sentence,
    refusal,
    clock,
    whyYou:
      (settling && whyTheySettle(company, signal, link.staff)) ||
      whyYou(link.staff, { holder: signal.owner, cause: signal.owner_cause, reason: signal.owner_reason }, nameOf),
    asks,
    mayTake: !over && !settling && asks !== 'take' && asks !== 'review' && waitsToBeTaken(ladderPlansOfSignal(signal)),
    mayDismiss,
    words: page.words?.words ?? null,
    reference: signal.reference,
    place: company.places[signal.place]?.name ?? signal.place,
    saidAt: signal.said_at,
    mood: signal.mood,
    holder: signal.owner,
    customer: page.customer?.name ?? undefined,
    letter,
    anew: over ? null : page.anew,
    doubtful,
    today: localDate(now, clock.zone),
  });
  return { kind: 'signal', title: signal.reference, body, over, signInFirst: undefined };
}

/** Of those who do not hold it: whoever stands in, and whoever is above. */
function whyTheySettle(company: Company, { owner, place }: SignalPage['signal'], staff: string): string | undefined {
  const answers = whoAnswers(company, { owner, place });
  if (staff === owner) return undefined;
  return staff === answers
    ? `it was with ${owner}, who has left`
    : `${company.staff[answers]?.name ?? answers} was asked before you, and has not said what to do`;
}

function metBy({ signal }: SignalPage, nameOf: (code: string) => string): string {
  if (signal.answered_by) return `${nameOf(signal.answered_by)} has answered it`;
  return signal.acknowledged_at ? `${nameOf(signal.owner)} has taken it` : 'This is over';
}

function settledBy({ settled }: SignalPage, nameOf: (code: string) => string): string {
  if (!settled) return 'There is no doubt about it any more';
  return `${settled.staff ? nameOf(settled.staff) : settled.by} ${settled.action === 'resend' ? 'had it sent again' : 'left it as it is'}`;
}

async function ofInsight(
  c: Context,
  web: Web,
  link: Task['link'],
  given: Given,
  sentence: string | undefined,
): Promise<Open> {
  const { company } = await web.heed.configuration();
  const page = await insightPage(web.heed.pool, company, link.loopId, link.staff);
  if (!page) return undefined;
  const { insight, stage, now } = page;
  const nameOf = (code: string): string => company.staff[code]?.name ?? code;
  const met = stage === 'closed' || waitsMetByInsight(factsOf(insight, company), now).includes(link.wait as Wait);
  const theirs = await stillTheirs(web.heed.pool, insight.id, link.staff);
  const takesBack = stage === 'undo' && insight.decided_by === link.staff;
  const over =
    met || (stage === 'undo' && !takesBack)
      ? ended(insight.decided_by ? `${nameOf(insight.decided_by)} has decided it` : 'This is over')
      : theirs
        ? undefined
        : ended(`${nameOf(insight.decider)} decides it now`);
  const { refusal, returned } = comeBack(given, over ? [] : (verbsOfWait[link.wait] ?? []));
  const known = company.kinds[insight.kind];
  // Of a kind that has left the company file nobody knows how much hangs on it.
  const signInFirst = (!known || known.highStake === true) && !(await isSignedInAs(c, web, link.staff));
  const acting = { company, base: '/t', link: link.token, id: 'task', key: crypto.randomUUID(), returned };
  const title = titleOf(company, insight);
  const kind = known?.name ?? insight.kind;
  const line = headline({ people: insight.people, title, kind });
  const verbatims = page.verbatims.map((v) => ({
    id: v.id,
    words: v.words,
    place: company.places[v.place]?.name ?? v.place,
    refused: v.taken === 'refused',
    rests: v.rests,
  }));
  const body = insightAction({
    name: nameOf(link.staff),
    acting,
    sentence,
    refusal,
    clock: { now, zone: company.timezone },
    whyYou: whyYou(
      link.staff,
      { holder: insight.decider, cause: insight.owner_cause, reason: insight.decider_reason },
      nameOf,
    ),
    asks: over
      ? 'nothing'
      : stage === 'decide'
        ? 'decide'
        : stage === 'undo'
          ? 'undo'
          : stage === 'complete'
            ? 'complete'
            : 'nothing',
    headline: line,
    decideBy: dueNow(insight),
    people: insight.people,
    places: insight.places,
    refused: insight.refused,
    holder: insight.decider,
    taken: insight.acknowledged_at !== null,
    mayTake: stage === 'complete' && waitsToBeTaken(plansOf(insight, company, now)),
    finalAt: insight.final_at,
    signInAt: signInFirst ? `/insights/${insight.id}` : undefined,
    deciding: await decidingOf(web, page, { acting, choice: choiceIn(given.chosen), here: '/t/open', verbatims }),
  });
  return { kind: 'insight', title: line, body, over, signInFirst: signInFirst ? 'to decide' : undefined };
}

/** What the link alone does not do where much hangs on it: whoever it was forwarded to must not decide, nor give it to somebody who then may. */
const highStake = ['decision', 'withdrawal', 'handover'];

const isSignedInAs = async (c: Context, web: Web, staff: string): Promise<boolean> =>
  (await visitorOf(c, web))?.code === staff;

/** A form that came back stands where it was; where it has no place any more, only the refusal is said. */
function comeBack(
  { returned }: Given,
  verbs: readonly string[],
): { refusal?: string; returned?: { verb: string; filled: Filled } } {
  if (!returned) return {};
  if (verbs.includes(returned.verb) && returned.verb !== 'acknowledgement') return { returned };
  return { ...(returned.filled.refusal && { refusal: returned.filled.refusal }) };
}

const ended = (sentence: string): string =>
  `${sentence}. There is nothing left to do for you, and opening this changed nothing.`;
