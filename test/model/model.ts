/** What a loop promises, as small as it can be said. Pure: knows nothing of tables, stages or stories, which are what is held to it.
 *  Time is in minutes since the beginning, which is eight in the morning. */

import type { Act } from './acts.ts';

export const people = {
  mina: { lead: 'jonas', slack: false, here: true },
  jonas: { lead: undefined, slack: true, here: true },
  priya: { lead: undefined, slack: true, here: true },
  tomas: { lead: 'ingrid', slack: false, here: true },
  ingrid: { lead: undefined, slack: false, here: true },
  luca: { lead: undefined, slack: false, here: false },
} as const satisfies Record<string, { lead: string | undefined; slack: boolean; here: boolean }>;
export type Person = keyof typeof people;
const manager = 'priya';
const executive = 'ingrid';

/** Whom to tell after how many hours; at the end the executive, a day later and then daily. */
export const ladders = {
  reviewed: [
    [0, 'manager'],
    [4, 'manager'],
    [24, 'executive'],
  ],
  acknowledged: [
    [0, 'owner'],
    [2, 'lead'],
    [4, 'manager'],
    [24, 'executive'],
  ],
  answered: [
    [0, 'owner'],
    [24, 'owner'],
    [48, 'manager'],
    [72, 'executive'],
  ],
  promised: [
    [0, 'owner'],
    [2, 'manager'],
    [24, 'executive'],
  ],
  decided: [
    [0, 'owner'],
    [72, 'owner'],
    [120, 'executive'],
  ],
  completed: [
    [0, 'owner'],
    [48, 'owner'],
    [120, 'executive'],
  ],
  confirmed: [[72, 'nobody']],
} as const;
type Role = 'owner' | 'lead' | 'manager' | 'executive' | 'nobody';
const heights: Role[] = ['owner', 'lead', 'manager', 'executive', 'nobody'];
const day = 24 * 60;
/** How long a decision can be taken back. */
export const undo = 10;

export interface Plan {
  round: number;
  wait: string;
  ladder: keyof typeof ladders;
  occasion: string;
  from: number;
  taken: number;
  /** When the step that repeats comes again. */
  again?: number;
}

interface Loop {
  owner: Person;
  /** How they came to it; counted, so that each holder's own clock can be told from the next. */
  cause: 'captured' | 'routed' | 'handed over' | 'taken' | 'not settled' | 'opened';
  tenure: number;
  since: number;
  taken: boolean;
  handOvers: number;
  round: number;
  level: number;
  opened: number;
  closed: string | null;
  closings: string[];
  plans: Plan[];
  /** Whom the ladders of this round have told. */
  told: Person[];
  prompts: { to: string; waits: boolean }[];
}

interface Letter {
  /** A redaction takes back one that was sent. */
  what: 'receipt' | 'answer' | 'told' | 'redaction';
  signal: number;
  round: number;
  customer: number;
  /** Refused by the mail server for good, or kept back because there was no way to them by mail: it has reached nobody. Void: nobody is to have it. */
  state: 'planned' | 'sent' | 'refused' | 'kept back' | 'void';
  at: number;
  /** The end of the day by which it says itself that they hear from us. */
  promises?: number;
  /** Kept back because that was over before it could leave: nothing is wrong with the way to them, and it promised nobody anything. */
  isLate?: boolean;
}

/** What the mail server says to each letter that it is handed: whether it refuses that one letter for good, or says that nobody is there. */
export type MailServer = 'takes letters' | 'refuses letters' | 'knows nobody';

/** One customer hearing of one decision; whoever spoke twice hears once. */
interface Telling {
  how: 'email' | 'phone';
  letter?: Letter;
  called: number | null;
}

export interface Signal extends Loop {
  n: number;
  asks: Asks;
  capturer: Person | null;
  customer: number | null;
  agreed: ('email' | 'phone')[];
  read: boolean;
  course: 'thank' | 'answer' | 'decide' | 'review' | 'dismiss' | null;
  reviewed: number | null;
  disavowed: boolean;
  erased: boolean;
  calls: { outcome: 'reached' | 'no_reply' | 'wrong_number'; tells: boolean; round: number; at: number }[];
  answer: {
    by: Person | null;
    how: 'email' | 'phone' | 'none';
    at: number;
    promised: number | null;
    /** The letter that promised it never left. */
    isUnpromised?: boolean;
    final: boolean;
    letter?: Letter;
  } | null;
  answers: string[];
  insight: number | null;
  /** All that it has been part of. */
  joined: number[];
  /** And which of its holders, counted, it was with at that moment. */
  heard: { insight: number; version: number; telling?: Telling; whyNot?: string; at: number; tenure: number }[];
  says: string[];
}

export interface Insight extends Loop {
  n: number;
  about: string;
  decisions: {
    version: number;
    outcome: 'adopted' | 'declined' | 'deferred';
    by: Person;
    final: number;
    doneBy: number;
    wake: number;
    people: number | null;
    takenBack: boolean;
    done: boolean;
    /** Whose it was then, counted. */
    tenure: number;
  }[];
}

/** The item that is asked for, if any is. */
export const itemOf = (asks: string): string | undefined => ({ coat: 'coat', unclear: 'coat', scarf: 'scarf' })[asks];

/** What a customer may come for, what a rule makes of it, whose it is and who decides it. */
export const asked = {
  coat: { course: 'decide', owner: 'jonas', decider: 'tomas' },
  scarf: { course: 'decide', owner: 'priya', decider: 'ingrid' },
  question: { course: 'answer', owner: 'priya' },
  praise: { course: 'thank', owner: 'priya' },
  unclear: { course: 'review', owner: 'jonas', decider: 'ingrid' },
  noise: { course: 'dismiss', owner: 'priya' },
} as const;
export type Asks = keyof typeof asked;

export interface Model {
  now: number;
  working: boolean;
  signals: Signal[];
  insights: Insight[];
  /** Which insight is joined by what asks for the same. */
  joinable: Record<string, number>;
  stopped: number[];
  mail: MailServer;
  /** Whose address takes no mail, until somebody vouches for it; and how many letters there were when somebody did last. */
  bounced: number[];
  vouched: Record<number, number>;
  letters: Letter[];
  /** To whoever answers for a signal: a letter that it waits for has not arrived, or the day is over that an answer promised. */
  notices: { signal: number; to: Person; waits: boolean }[];
  /** To colleagues who captured something: what became of it, once an occasion. */
  news: Record<string, { signal: number; to: Person; waits: boolean }>;
  /** What somebody pressed last, about which signal if about one, and whether it was taken. */
  last: { act: Act; about: number | undefined; isTaken: boolean } | null;
}

export const nothingYet = (): Model => ({
  now: 0,
  working: true,
  signals: [],
  insights: [],
  joinable: {},
  stopped: [],
  mail: 'takes letters',
  bounced: [],
  vouched: {},
  letters: [],
  notices: [],
  news: {},
  last: null,
});

/** What somebody does, and whether it is taken; refused, it leaves nothing behind. */
export function doAct(m: Model, act: Act): boolean {
  return (verbs[act.verb] as (m: Model, act: Act) => boolean)(m, act);
}

const verbs: { [V in Act['verb']]: (m: Model, act: Extract<Act, { verb: V }>) => boolean } = {
  capture(m, { asks, customer, agreed, by }) {
    m.signals.push({
      ...opened(m, manager, 'captured'),
      n: m.signals.length,
      asks,
      capturer: by,
      customer,
      agreed: customer === null ? [] : agreed,
      read: false,
      course: null,
      reviewed: null,
      disavowed: false,
      erased: false,
      calls: [],
      answer: null,
      answers: [],
      insight: null,
      joined: [],
      heard: [],
      says: [],
    });
    return true;
  },
  acknowledge: (m, { signal, by }) => {
    const s = m.signals[signal]!;
    if (!mayAct(s, by) || s.closed || unread(s) === 'review') return false;
    // What a colleague has answered stays with whoever has it, unless they were given it and have not taken it.
    const isGiven = waitsOfSignal(m, s).some(({ wait }) => wait === 'acknowledged');
    const answeredBy = answerOf(m, s)?.by;
    if (answeredBy && answeredBy !== by && s.owner !== by && !isGiven) return false;
    return take(m, s, by);
  },
  'hand over': (m, { signal, by, to }) => {
    const s = m.signals[signal]!;
    return mayAct(s, by) && !s.closed && give(m, s, to);
  },
  answer(m, { signal, by, promise, final }) {
    const s = m.signals[signal]!;
    if (!mayAct(s, by) || !answerable(m, s, final) || owedBy(m, s) !== 'email' || !mayPromise(s, promise)) return false;
    // What the letter that did not arrive said of it stands.
    if (s.answer && s.answer.final !== final) return false;
    const letter = post(m, { what: 'answer', signal, customer: s.customer! });
    if (promise !== null) letter.promises = endOfDay(m.now, promise);
    answer(m, s, by, { how: 'email', promise, final, letter });
    return true;
  },
  call(m, { signal, by, outcome, promise }) {
    const s = m.signals[signal]!;
    if (!mayAct(s, by) || s.closed) return false;
    const telling = told(s)?.telling;
    if (telling && wayTold(m, s, telling) === 'phone') {
      // They were called about the decision: no other call is owed.
      if (toldAt(m, s) !== null || !reach(m, s) || isOvertaken(m, s)) return false;
      s.calls.push({ outcome, tells: true, round: s.round, at: m.now });
      if (outcome === 'reached') telling.called = m.now;
      return true;
    }
    if (!answerable(m, s, false) || !canBeCalled(s)) return false;
    // Where a letter is owed, somebody else's number leaves it owed.
    if (outcome === 'reached' || (outcome === 'wrong_number' && owedBy(m, s) === 'phone')) {
      if (!mayPromise(s, promise)) return false;
      const recorded = s.answer;
      answer(m, s, by, { how: 'phone', promise, final: false });
      // With somebody else's number nobody is left to hear it: the letter that did not arrive is what we said.
      if (recorded && outcome === 'wrong_number') s.answer = { ...recorded, promised: s.answer!.promised };
    }
    s.calls.push({ outcome, tells: false, round: s.round, at: m.now });
    return true;
  },
  dismiss(m, { signal, by }) {
    const s = m.signals[signal]!;
    // Whoever said no to an answer is answered again.
    if (!mayAct(s, by) || s.closed || s.round > 1) return false;
    if (answerOf(m, s)?.by || (told(s)?.telling && toldAt(m, s) !== null)) return false;
    close(s, 'dismissed');
    if (s.insight !== null) closeIfForgotten(m, m.insights[s.insight]!, 'dismissed');
    tellCapturer(m, s, 'dismissed', by);
    return true;
  },
  review(m, { signal, by, as }) {
    const s = m.signals[signal]!;
    if (!mayAct(s, by) || s.closed || unread(s) !== 'review') return false;
    s.course = as;
    s.reviewed = m.now;
    if (as !== 'dismiss') return true;
    close(s, 'dismissed');
    tellCapturer(m, s, 'dismissed', by);
    return true;
  },
  join(m, { signal, insight, by }) {
    const s = m.signals[signal]!;
    const to = m.insights[insight]!;
    if (!mayAct(s, by) || s.closed || s.course !== 'decide' || s.round > 1) return false;
    // Told what was decided, or still to be called about it.
    if (toldAt(m, s) !== null || told(s)?.telling) return false;
    if (s.insight === insight) return true;
    if (!isShownTo(by, s, to) || !isJoinable(m, to) || s.joined.includes(insight)) return false;
    const from = s.insight === null ? undefined : m.insights[s.insight]!;
    joinTo(m, s, to);
    if (from && !isAnybodyLeft(m, from)) closeToOthers(m, from, 'joined');
    return true;
  },
  confirm(m, { signal, says, by }) {
    const s = m.signals[signal]!;
    if (s.closed === 'dismissed' || s.erased) return false;
    const answered = answerOf(m, s);
    // They cannot speak of an answer that waits to leave; a colleague who heard them can.
    const isOnItsWay = by === null && !s.closed && answered?.how === 'email' && answered.letter?.state === 'planned';
    const ours = decides(s) ? toldAt(m, s) : isOnItsWay ? null : (answered?.at ?? null);
    if (ours === null && s.round === 1) return false;
    // Said of the round before, while somebody more senior is on it already.
    if (ours === null && says === 'no' && !s.closed) return true;
    let word = `${ours === null ? s.round - 1 : s.round}:${says}`;
    if (s.says.includes(word)) {
      // Said again: it counts where what came in between has opened a round, or closed the one that waits for us.
      if (says === 'yes' ? s.closed : ours !== null) return true;
      word = `${s.round}:${says}`;
    }
    s.says.push(word);
    if (says === 'yes' || answered?.final) {
      close(s, says === 'yes' ? 'settled' : 'final');
      if (says === 'yes') tellCapturer(m, s, 'settled', by);
      return true;
    }
    close(s, 'not settled');
    tellCapturer(m, s, 'not settled', by);
    openRound(m, s, 1);
    own(m, s, oneLevelUp(s.owner), 'not settled');
    return true;
  },
  stop(m, { customer }) {
    // Where it was never them, there is no address left to write to nor to stop.
    const theirs = m.signals.some((s) => s.customer === customer && !s.disavowed);
    if (theirs && !m.stopped.includes(customer)) m.stopped.push(customer);
    // To taking back what was sent nobody can object.
    keepBack(m, (letter) => letter.customer === customer && letter.what !== 'redaction');
    return true;
  },
  vouch(m, { signal, by }) {
    const s = m.signals[signal]!;
    const { customer } = s;
    // Against what they said themselves nobody can vouch.
    if (!mayAct(s, by) || customer === null || !m.bounced.includes(customer) || m.stopped.includes(customer))
      return false;
    m.bounced = m.bounced.filter((other) => other !== customer);
    m.vouched[customer] = m.letters.length;
    return true;
  },
  disavow(m, { signal }) {
    const { customer } = m.signals[signal]!;
    m.signals[signal]!.disavowed = true;
    keepBack(m, (letter) => letter.signal === signal);
    // Where all that they said was somebody else's, so is their address: whoever comes again with it is somebody new.
    const theirs = m.signals.filter((s) => customer !== null && s.customer === customer);
    if (theirs.every((s) => s.disavowed)) for (const s of theirs) s.customer = -1 - signal;
    return true;
  },
  erase(m, { signal }) {
    const { customer, erased } = m.signals[signal]!;
    if (erased) return false;
    for (const s of m.signals.filter((s) => (customer === null ? s.n === signal : s.customer === customer))) {
      s.erased = true;
      // Whoever comes again is somebody new: nobody has this number any more.
      if (customer !== null) s.customer = -1 - signal;
      close(s, 'erased');
      for (const told of [...Object.values(m.news), ...m.notices]) if (told.signal === s.n) told.waits = false;
      for (const letter of m.letters.filter((letter) => letter.signal === s.n))
        if (letter.state === 'sent') post(m, { what: 'redaction', signal: s.n, customer: letter.customer });
        else if (letter.state === 'planned') letter.state = 'void';
    }
    for (const i of m.insights) closeIfForgotten(m, i, 'erased');
    return true;
  },
  'acknowledge insight': (m, { insight, by }) => {
    const i = m.insights[insight]!;
    const isGiven = !i.closed && waitsOfInsight(m, i).some(({ wait }) => wait === 'acknowledged');
    return mayDecide(i, by) && !isAbandoned(i) && (isOpenToDecide(i) || isGiven) && take(m, i, by);
  },
  'hand over insight': (m, { insight, by, to }) => {
    const i = m.insights[insight]!;
    return mayDecide(i, by) && !i.closed && give(m, i, to);
  },
  decide(m, { insight, by, outcome, days, people: until }) {
    const i = m.insights[insight]!;
    const before = inForce(i);
    const isDecided = before && before.outcome !== 'deferred';
    if (!mayDecide(i, by) || isAbandoned(i) || (isDecided && (before.final > m.now || outcome === 'deferred')))
      return false;
    if (outcome === 'deferred' && until !== null && until <= peopleOf(m, i)) return false;
    if ((outcome === 'adopted' && days < 0) || (outcome === 'deferred' && days <= 0)) return false;
    if (i.owner !== by) own(m, i, by, 'taken');
    if (i.closed) openRound(m, i, 0);
    i.decisions.push({
      version: i.decisions.length + 1,
      outcome,
      by,
      final: outcome === 'deferred' ? m.now : m.now + undo,
      doneBy: endOfDay(m.now, days),
      wake: m.now + days * day,
      people: outcome === 'deferred' ? until : null,
      takenBack: false,
      done: false,
      tenure: i.tenure,
    });
    if (outcome === 'deferred') plan(i, waitsOfInsight(m, i)[0]!);
    else if (m.joinable[i.about] === i.n) delete m.joinable[i.about];
    return true;
  },
  'take back': (m, { insight, by }) => {
    const i = m.insights[insight]!;
    const decision = inForce(i);
    if (!mayDecide(i, by) || i.closed || !decision || decision.outcome === 'deferred' || decision.final <= m.now)
      return false;
    decision.takenBack = true;
    if (isOpenToDecide(i)) m.joinable[i.about] ??= i.n;
    closeIfForgotten(m, i, signalsOf(m, i).every(({ erased }) => erased) ? 'erased' : 'dismissed');
    return true;
  },
  complete(m, { insight, by }) {
    const i = m.insights[insight]!;
    const decision = inForce(i);
    if (
      !mayDecide(i, by) ||
      isAbandoned(i) ||
      decision?.outcome !== 'adopted' ||
      decision.final > m.now ||
      decision.done
    )
      return false;
    decision.done = true;
    return true;
  },
};

/** Everything that follows by itself at this moment: reading, joining, telling, closing by rule, and climbing where nobody acted. Whose story
 *  is looked at first, a signal's or its insight's, is nobody's to choose. */
export function follow(m: Model, insightsFirst = false): void {
  if (!m.working) return;
  const followAll = [
    () => m.signals.forEach((s) => followSignal(m, s)),
    () => m.insights.forEach((i) => followInsight(m, i)),
  ];
  do {
    for (let before = ''; before !== (before = JSON.stringify(m));)
      for (const each of insightsFirst ? followAll.toReversed() : followAll) each();
  } while (carryLetters(m));
}

/** Every letter that waits, whichever was written first. Returns whether there was any. */
function carryLetters(m: Model): boolean {
  const waiting = m.letters.filter(({ state }) => state === 'planned');
  for (const letter of waiting) {
    // Another one that was carried before it may have ended it.
    if (letter.state !== 'planned') continue;
    const s = m.signals[letter.signal]!;
    letter.at = m.now;
    if (letter.what === 'redaction') letter.state = 'sent';
    else if (isOutOfDate(s, letter)) letter.state = 'void';
    else if (reach(m, s) !== 'email') letter.state = 'kept back';
    else if (letter.promises !== undefined && letter.promises <= m.now) keepBackAsLate(m, letter, s);
    else if (m.mail === 'takes letters') letter.state = 'sent';
    else refuse(m, letter);
  }
  return waiting.length > 0;
}

/** Its answer is owed again, and no other day is promised for it. */
function keepBackAsLate(m: Model, letter: Letter, s: Signal): void {
  Object.assign(letter, { state: 'kept back', isLate: true });
  if (s.answer) s.answer.isUnpromised = true;
  tellWhoAnswers(m, letter);
}

function tellWhoAnswers(m: Model, letter: Letter): void {
  for (const s of m.signals)
    if (!s.closed && waitsFor(s, letter)) m.notices.push({ signal: s.n, to: s.owner, waits: true });
}

/** Whoever answers for what it was to say is told, and of every other letter that an address where there is nobody keeps from leaving. */
function refuse(m: Model, letter: Letter): void {
  letter.state = 'refused';
  const ended = [letter];
  if (m.mail === 'knows nobody') {
    m.bounced.push(letter.customer);
    ended.push(...keepBack(m, ({ customer }) => customer === letter.customer));
  }
  for (const one of ended) tellWhoAnswers(m, one);
}

/** Nobody waits for thanks. One letter tells what was decided to whoever spoke twice. */
function waitsFor(s: Signal, letter: Letter): boolean {
  if (letter.what === 'answer') return letter.signal === s.n;
  return letter.what === 'told' && s.heard.some(({ telling }) => telling?.letter === letter);
}

/** The next moment at which something changes by itself. */
export const nextDue = (m: Model): number => Math.min(...[...m.signals, ...m.insights].map((loop) => dueOf(m, loop)));

/** When a loop has to be looked at again, if nobody acts. */
export function dueOf(m: Model, loop: Signal | Insight): number {
  if (loop.closed) return Infinity;
  const moments =
    'asks' in loop
      ? running(loop, waitsOfSignal(m, loop)).map(dueAt)
      : running(loop, waitsOfInsight(m, loop)).map(dueAt);
  const final = 'asks' in loop ? undefined : inForce(loop)?.final;
  return Math.min(...[...moments, final ?? 0].filter((moment) => moment > m.now));
}

function followSignal(m: Model, s: Signal): void {
  if (s.closed) return;
  if (!s.read) {
    s.read = true;
    s.course = asked[s.asks].course;
    if (s.course === 'dismiss') {
      close(s, 'dismissed');
      tellCapturer(m, s, 'dismissed', null);
      return;
    }
    if (reach(m, s) === 'email') post(m, { what: 'receipt', signal: s.n, customer: s.customer! });
  }
  if (s.course === 'decide' && s.insight === null)
    joinTo(m, s, m.insights[m.joinable[s.asks] ?? -1] ?? openInsight(m, s));
  // Whoever answered keeps it, whatever became of the letter.
  if (s.course !== 'review' && s.cause === 'captured' && !s.taken && !s.answer?.by && s.round === 1)
    own(m, s, asked[s.asks].owner, 'routed');
  if (stageOfSignal(m, s) === 'answer' && !reach(m, s)) {
    s.answer = { by: null, how: 'none', at: m.now, promised: null, final: false };
    s.answers.push(`${s.round}: none`);
  }
  if (stageOfSignal(m, s) === 'decision' && told(s)?.telling?.how === 'phone' && !reach(m, s))
    close(s, 'nobody to reach');
  if (stageOfSignal(m, s) === 'confirmation' && lastWord(m, s) === 'unsaid' && !tellByItself(m, s))
    close(s, 'nobody to reach');
  if (!s.closed) climb(m, s, waitsOfSignal(m, s));
}

function followInsight(m: Model, i: Insight): void {
  if (i.closed) return;
  const decision = inForce(i);
  if (decision && decision.outcome !== 'deferred' && decision.final <= m.now) {
    tell(m, i, decision);
    if (decision.outcome === 'declined' || decision.done)
      return close(i, decision.outcome === 'adopted' ? 'completed' : 'declined');
  }
  climb(m, i, waitsOfInsight(m, i));
}

/** Everybody who asked and everybody who captured it hears once, or it is kept why not. */
function tell(m: Model, i: Insight, { version }: Insight['decisions'][number]): void {
  const left = signalsOf(m, i).filter((s) => !s.heard.some((h) => h.insight === i.n && h.version === version));
  const ways = ['email', 'phone', null];
  const way = (s: Signal): number => ways.indexOf(reach(m, s));
  for (const s of left.sort((a, b) => way(a) - way(b) || a.n - b.n)) {
    if (s.capturer) m.news[`${i.n} ${version} ${s.capturer}`] ??= { signal: s.n, to: s.capturer, waits: true };
    const others = m.signals
      .filter(({ customer }) => customer !== null && customer === s.customer)
      .flatMap(({ heard }) => heard);
    const heardBefore = others.some((h) => h.insight === i.n && h.version !== version && reallyTold(h.telling));
    const whyNot = s.closed ? 'closed' : heardBefore ? 'told_before' : whyUnreachable(m, s);
    if (whyNot) {
      s.heard.push({ insight: i.n, version, whyNot, at: m.now, tenure: s.tenure });
      continue;
    }
    let telling = others.find((h) => h.telling && h.insight === i.n && h.version === version)?.telling;
    if (!telling) {
      const how = reach(m, s)!;
      telling = { how, called: null };
      if (how === 'email') telling.letter = post(m, { what: 'told', signal: s.n, customer: s.customer! });
    }
    s.heard.push({ insight: i.n, version, telling, at: m.now, tenure: s.tenure });
  }
}

/** Where they were to hear by a letter about another remark of theirs, which was kept back, and they have said since that this one was not theirs:
 *  of this one they hear by a letter of its own. */
function tellByItself(m: Model, s: Signal): boolean {
  const telling = decides(s) ? told(s)?.telling : undefined;
  const letter = telling?.letter;
  if (letter?.state !== 'kept back' || letter.signal === s.n || !m.signals[letter.signal]!.disavowed) return false;
  if (reach(m, s) !== 'email') return false;
  telling!.letter = post(m, { what: 'told', signal: s.n, customer: s.customer! });
  return true;
}

export function stageOfSignal(m: Model, s: Signal): string {
  if (s.closed) return 'closed';
  if (!s.read) return 'captured';
  if (s.course === 'review') return 'review';
  const [answered, heard] = [answerOf(m, s) !== null, toldAt(m, s) !== null];
  if (!s.taken && !answered && !heard) return 'acknowledge';
  if (!answered && !heard) return 'answer';
  return decides(s) && !heard ? 'decision' : 'confirmation';
}

export function stageOfInsight(m: Model, i: Insight): string {
  if (i.closed) return 'closed';
  if (isOpenToDecide(i)) return 'decide';
  return inForce(i)!.final > m.now ? 'undo' : 'complete';
}

type Waiting = Pick<Plan, 'wait' | 'ladder' | 'occasion' | 'from'>;

/** Who is waited for: several may be, the customer's clock goes on while a new holder's begins. */
function waitsOfSignal(m: Model, s: Signal): Waiting[] {
  const answered: Waiting = {
    wait: 'answered',
    ladder: 'answered',
    occasion: 'round',
    from: Math.max(s.opened, s.reviewed ?? 0),
  };
  const given = answerOf(m, s);
  const promised = given?.isUnpromised ? null : (given?.promised ?? null);
  const heard = told(s);
  const holder: Waiting = {
    wait: 'acknowledged',
    ladder: 'acknowledged',
    occasion: `holder ${s.tenure}`,
    from: s.since,
  };
  const isGiven = s.cause === 'handed over' && !s.taken;
  switch (stageOfSignal(m, s)) {
    case 'review':
      return [
        { wait: 'reviewed', ladder: 'reviewed', occasion: 'round', from: s.opened },
        ...(isGiven ? [holder] : []),
      ];
    case 'acknowledge':
      return reach(m, s) ? [holder, answered] : [holder];
    case 'answer':
      return [answered];
    case 'decision':
      if (heard)
        return [
          {
            wait: 'told',
            ladder: 'answered',
            occasion: `decision ${heard.insight}.${heard.version}`,
            // In the place of a letter the call is owed from when that ended.
            from: Math.max(heard.at, heard.telling?.letter?.at ?? 0),
          },
          ...(isGiven && s.tenure > heard.tenure ? [holder] : []),
        ];
      if (promised === null) return [];
      return [
        { wait: 'told', ladder: 'promised', occasion: 'promise', from: promised },
        ...(isGiven && s.since >= promised ? [holder] : []),
      ];
    case 'confirmation': {
      const from = lastWord(m, s);
      if (typeof from !== 'number') return [];
      const asked = decides(s) ? from : Math.max(from, promised ?? from);
      return [{ wait: 'confirmed', ladder: 'confirmed', occasion: 'round', from: asked }];
    }
    default:
      return [];
  }
}

function waitsOfInsight(m: Model, i: Insight): Waiting[] {
  const decision = inForce(i);
  const isGiven = i.cause === 'handed over' && !i.taken;
  const holder: Waiting = {
    wait: 'acknowledged',
    ladder: 'acknowledged',
    occasion: `holder ${i.tenure}`,
    from: i.since,
  };
  if (!decision || decision.outcome === 'deferred') {
    const decided: Waiting = {
      wait: 'decided',
      ladder: 'decided',
      occasion: `${decision?.version ?? 'opened'}`,
      from: decision?.wake ?? i.opened,
    };
    return isGiven ? [decided, holder] : [decided];
  }
  if (decision.outcome === 'declined' || decision.final > m.now || decision.done) return [];
  const isTold = signalsOf(m, i).every((s) => s.heard.some((h) => h.insight === i.n && h.version === decision.version));
  return [
    { wait: 'completed', ladder: 'completed', occasion: `${decision.version}`, from: decision.doneBy },
    ...(isGiven && isTold && i.tenure > decision.tenure ? [holder] : []),
  ];
}

/** When our last word reached the customer, or that it never will; null while it is on its way. */
function lastWord(m: Model, s: Signal): number | 'unsaid' | null {
  const heard = decides(s) ? told(s) : undefined;
  if (heard?.whyNot) return 'unsaid';
  const answered = answerOf(m, s);
  const { how, letter, at } = heard?.telling
    ? { how: wayTold(m, s, heard.telling), letter: heard.telling.letter, at: toldAt(m, s) }
    : { how: answered?.how, letter: answered?.letter, at: answered?.at ?? null };
  if (how === 'none') return 'unsaid';
  if (how === 'phone') return isWrongNumber(s, heard !== undefined) ? 'unsaid' : at;
  if (letter?.state === 'sent') return letter.at;
  return letter?.state === 'planned' ? null : 'unsaid';
}

/** Whether the last call of this round that was to say it found somebody else's number. */
const isWrongNumber = ({ calls, round }: Signal, tells: boolean): boolean =>
  calls.findLast((call) => call.round === round && call.tells === tells && call.outcome !== 'no_reply')?.outcome ===
  'wrong_number';

/** The answer of this round, as far as it is one: a letter that reached nobody has answered nobody while there is another way to them, a number that
 *  they agreed to be called at, or an address that was vouched for since. */
function answerOf(m: Model, s: Signal): Signal['answer'] {
  const letter = s.answer?.how === 'email' ? s.answer.letter : undefined;
  const isOwed = letter && reachedNobody(letter) && !s.closed && (canBeCalled(s) || isVouchedSince(m, s, letter));
  return isOwed ? null : s.answer;
}

export const reachedNobody = ({ state }: Letter): boolean => state === 'refused' || state === 'kept back';
const isVouchedSince = (m: Model, s: Signal, letter: Letter): boolean =>
  reach(m, s) === 'email' && (letter.isLate || m.letters.indexOf(letter) < (m.vouched[s.customer!] ?? 0));

/** How they hear what is owed to them now: in a call, where a letter that was to say it reached nobody. */
export function owedBy(m: Model, s: Signal): 'email' | 'phone' | null {
  const telling = told(s)?.telling;
  const isCalled = telling && wayTold(m, s, telling) === 'phone' && toldAt(m, s) === null;
  const letter = answerOf(m, s) ? undefined : s.answer?.letter;
  const inItsPlace = letter && !isVouchedSince(m, s, letter);
  return canBeCalled(s) && (isCalled || inItsPlace) ? 'phone' : reach(m, s);
}

/** The decision that this customer has heard, or is owed a call about. */
function told(s: Signal): Signal['heard'][number] | undefined {
  if (s.round > 1) return undefined;
  const heard = s.heard.filter(({ whyNot }) => whyNot !== 'closed');
  return heard.findLast(({ whyNot }) => whyNot !== 'told_before') ?? heard.at(-1);
}

/** Decided anew since: what to tell them is not certain, until that is told, or passes them by. */
function isOvertaken(m: Model, s: Signal): boolean {
  const { insight } = told(s)!;
  const version = inForce(m.insights[insight]!)?.version;
  return !s.heard.some((h) => h.insight === insight && h.version === version);
}

/** How they hear what was decided: in a call, where the letter that was to tell it reached nobody. It stays one when their address is vouched for. */
function wayTold(m: Model, s: Signal, { how, letter, called }: Telling): 'email' | 'phone' {
  if (how === 'phone' || !letter || !reachedNobody(letter)) return how;
  if (called !== null) return 'phone';
  const isCalled = reach(m, s) === 'phone' || letter.state === 'refused' || isVouchedSince(m, s, letter);
  return canBeCalled(s) && isCalled && !s.closed ? 'phone' : 'email';
}

/** A call that is owed has told nobody yet; one that reaches them tells them for all that they said. */
function toldAt(m: Model, s: Signal): number | null {
  const heard = told(s);
  if (!heard?.telling || wayTold(m, s, heard.telling) === 'email') return heard?.at ?? null;
  return heard.telling.called ?? s.calls.find(({ tells, outcome }) => tells && outcome === 'wrong_number')?.at ?? null;
}

const reallyTold = (t?: Telling): boolean => (t?.called ?? null) !== null || t?.letter?.state === 'sent';
const decides = (s: Signal): boolean => s.round === 1 && s.course === 'decide';
const unread = (s: Signal): 'captured' | 'review' | null =>
  !s.read ? 'captured' : s.course === 'review' ? 'review' : null;
const answerable = (m: Model, s: Signal, final: boolean): boolean =>
  !s.closed && !unread(s) && !answerOf(m, s) && !(final && s.round === 1);
/** A day that is not over; and one only, also where the letter that promised it did not arrive. */
const mayPromise = (s: Signal, promise: number | null): boolean =>
  promise === null || (promise >= 0 && (s.answer?.promised ?? null) === null);
/** The end of the day so many days on. */
const endOfDay = (now: number, days: number): number => (Math.floor((now + 480) / day) + 1 + days) * day - 480;

function reach(m: Model, s: Signal): 'email' | 'phone' | null {
  if (s.customer === null || s.disavowed || s.erased) return null;
  if (s.agreed.includes('email') && !m.stopped.includes(s.customer) && !m.bounced.includes(s.customer)) return 'email';
  return canBeCalled(s) ? 'phone' : null;
}

/** Whatever else would reach them. */
const canBeCalled = (s: Signal): boolean =>
  s.customer !== null && !s.disavowed && !s.erased && s.agreed.includes('phone') && !wrongNumber(s);

function whyUnreachable(m: Model, s: Signal): string | null {
  if (s.customer === null) return 'nobody';
  if (s.disavowed) return 'not_me';
  if (s.agreed.length === 0) return 'no_consent';
  if (reach(m, s)) return null;
  return wrongNumber(s) ? 'wrong_number' : m.stopped.includes(s.customer) ? 'suppressed' : 'bounced';
}

const wrongNumber = ({ calls }: Signal): boolean =>
  calls.findLast(({ outcome }) => outcome !== 'no_reply')?.outcome === 'wrong_number';

/** In the place of a letter that did not arrive it is on record already, with what it promised. */
function answer(
  m: Model,
  s: Signal,
  by: Person,
  { promise, ...given }: { how: 'email' | 'phone'; promise: number | null; final: boolean; letter?: Letter },
): void {
  if (s.owner !== by) own(m, s, by, 'taken');
  const promised = s.answer?.promised ?? (promise === null ? null : endOfDay(m.now, promise));
  // On that day, for whom nothing is to be told by itself.
  if (promise !== null && !decides(s)) m.notices.push({ signal: s.n, to: by, waits: true });
  if (!s.answer) s.answers.push(`${s.round}: ${given.how} by ${by}`);
  s.answer = { ...s.answer, ...given, final: s.answer?.final ?? given.final, by, at: m.now, promised };
}

function post(m: Model, letter: Pick<Letter, 'what' | 'signal' | 'customer'>): Letter {
  const posted: Letter = { ...letter, round: m.signals[letter.signal]!.round, state: 'planned', at: m.now };
  m.letters.push(posted);
  return posted;
}

/** They said of it that it is settled, or not, before it could leave: nobody asks them again. The last word on it is theirs to have all the same. */
const isOutOfDate = (s: Signal, { what, round }: Letter): boolean =>
  what === 'answer' && (s.round > round || (s.closed !== null && s.closed !== 'final'));

/** Those of them that wait end. Returns which. */
function keepBack(m: Model, which: (letter: Letter) => boolean): Letter[] {
  const ended = m.letters.filter((letter) => letter.state === 'planned' && which(letter));
  for (const letter of ended) letter.state = 'kept back';
  return ended;
}

/** Nobody is told of what they did themselves. */
function tellCapturer(m: Model, s: Signal, what: string, by: Person | null): void {
  if (s.capturer && s.capturer !== by)
    m.news[`signal ${s.n} ${s.round} ${what}`] ??= { signal: s.n, to: s.capturer, waits: true };
}

const opened = (m: Model, owner: Person, cause: Loop['cause']): Loop => ({
  owner,
  cause,
  tenure: 1,
  since: m.now,
  taken: false,
  handOvers: 0,
  round: 1,
  level: 0,
  opened: m.now,
  closed: null,
  closings: [],
  plans: [],
  told: [],
  prompts: [],
});

function own(m: Model, loop: Loop, owner: Person, cause: Loop['cause']): void {
  endPrompts(loop, loop.owner);
  Object.assign(loop, { owner, cause, tenure: loop.tenure + 1, since: m.now, taken: false });
  if (cause === 'handed over') loop.handOvers += 1;
}

function close(loop: Loop, how: string): void {
  if (loop.closed) return;
  loop.closed = how;
  loop.closings.push(`${loop.round}: ${how}`);
  endPrompts(loop);
}

/** What nobody is left to have asked for is closed, unless it was decided. */
function closeIfForgotten(m: Model, i: Insight, how: 'dismissed' | 'erased'): void {
  if (isOpenToDecide(i) && !isAnybodyLeft(m, i)) closeToOthers(m, i, how);
}

function closeToOthers(m: Model, i: Insight, how: 'joined' | 'dismissed' | 'erased'): void {
  close(i, how);
  if (isJoinable(m, i)) delete m.joinable[i.about];
}

function openRound(m: Model, loop: Loop, up: number): void {
  Object.assign(loop, {
    round: loop.round + 1,
    level: loop.level + up,
    opened: m.now,
    closed: null,
    handOvers: 0,
    told: [],
  });
  if ('answer' in loop) loop.answer = null;
}

/** What has not been handed over yet is void once nobody has to be answerable; to whoever was, once somebody else is. */
function endPrompts(loop: Loop, to?: Person): void {
  for (const prompt of loop.prompts) if (!to || prompt.to.startsWith(`${to} by `)) prompt.waits = false;
}

function take(m: Model, loop: Loop, by: Person): boolean {
  if (loop.taken) return loop.owner === by;
  if (loop.owner !== by) own(m, loop, by, 'taken');
  loop.taken = true;
  return true;
}

/** Twice is a search for the right person; the third time it goes one level up, where there is one. */
function give(m: Model, loop: Loop, to: Person): boolean {
  if (loop.owner === to) return false;
  const goesUp = loop.handOvers >= 2 && loop.owner !== executive;
  own(m, loop, goesUp ? oneLevelUp(loop.owner) : to, 'handed over');
  return true;
}

function oneLevelUp(owner: Person): Person {
  if (owner === manager || owner === executive) return executive;
  return (people[owner].lead as Person | undefined) ?? manager;
}

const mayAct = (s: Signal, by: Person): boolean => people[by].here || s.owner === by || s.told.includes(by);
const mayDecide = (i: Insight, by: Person): boolean =>
  i.owner === by || i.told.includes(by) || people[i.owner].lead === by || by === executive;
/** Somebody of another place sees what they are to decide, and what asks for the same as a signal that they were given. */
const isShownTo = (by: Person, s: Signal, i: Insight): boolean =>
  people[by].here || mayDecide(i, by) || (itemOf(s.asks) !== undefined && itemOf(s.asks) === itemOf(i.about));

const inForce = (i: Insight): Insight['decisions'][number] | undefined =>
  i.decisions.findLast(({ takenBack }) => !takenBack);
const isOpenToDecide = (i: Insight): boolean => (inForce(i)?.outcome ?? 'deferred') === 'deferred';
export const isJoinable = (m: Model, i: Insight): boolean => m.joinable[i.about] === i.n;
const isAnybodyLeft = (m: Model, i: Insight): boolean => signalsOf(m, i).some(stillAsks);
const stillAsks = ({ erased, closed }: Signal): boolean => !erased && closed !== 'dismissed';
/** Nobody would hear of what is said about it. */
const isAbandoned = (i: Insight): boolean => ['joined', 'dismissed', 'erased'].includes(i.closed ?? '');
export const signalsOf = (m: Model, i: Insight): Signal[] => m.signals.filter(({ insight }) => insight === i.n);
const peopleOf = (m: Model, i: Insight): number =>
  new Set(
    signalsOf(m, i)
      .filter(stillAsks)
      .map(({ customer, n }) => (customer === null ? `signal ${n}` : customer)),
  ).size;

function openInsight(m: Model, s: Signal): Insight {
  const { decider } = asked[s.asks] as { decider: Person };
  const insight: Insight = { ...opened(m, decider, 'opened'), n: m.insights.length, about: s.asks, decisions: [] };
  m.insights.push(insight);
  m.joinable[s.asks] = insight.n;
  return insight;
}

/** Whoever makes the number full brings back what was put off until so many people asked. */
function joinTo(m: Model, s: Signal, i: Insight): void {
  const before = peopleOf(m, i);
  s.insight = i.n;
  s.joined.push(i.n);
  const until = inForce(i)?.people ?? Infinity;
  if (before < until && peopleOf(m, i) >= until)
    plan(i, { wait: 'decided', ladder: 'decided', occasion: `signal ${s.n}`, from: m.now });
}

/** The latest plan of each wait counts. */
const running = (loop: Loop, waits: Waiting[]): Plan[] =>
  waits.flatMap(({ wait }) => loop.plans.findLast((p) => p.round === loop.round && p.wait === wait) ?? []);

function plan(loop: Loop, w: Waiting): void {
  const isPlanned = loop.plans.some((p) => p.round === loop.round && p.wait === w.wait && p.occasion === w.occasion);
  if (!isPlanned) loop.plans.push({ ...w, round: loop.round, taken: 0 });
}

/** Every rung that is due is taken, all of them are one prompt, to whoever the highest names; and one to whoever is asked at all for the first time. */
function climb(m: Model, loop: Loop, waits: Waiting[]): void {
  for (const wait of waits) plan(loop, wait);
  type Rung = { role: Role; step: number; isLast: boolean };
  let highest: Rung | undefined;
  const first: Rung[] = [];
  const owner = loop.owner;
  for (const p of running(loop, waits).sort((a, b) => dueAt(a) - dueAt(b))) {
    while (dueAt(p) <= m.now) {
      const rungs = ladders[p.ladder];
      const role: Role = rungs[p.taken]?.[1] ?? 'executive';
      const rung = { role, step: Math.min(p.taken, rungs.length), isLast: p.taken >= rungs.length };
      if (p.taken === 0 && rungs[0][0] === 0) first.push(rung);
      if (rung.isLast) p.again = m.now + day;
      p.taken += 1;
      if (role === 'nobody') return close(loop, 'silent');
      const person = resolve(role, owner);
      if (!loop.told.includes(person)) loop.told.push(person);
      if (!highest || heightOf(rung) > heightOf(highest)) highest = rung;
    }
  }
  if (!highest) return;
  const called: Person[] = [];
  for (const { role, isLast } of [highest, ...first]) {
    const to = resolve(role, owner);
    if (called.includes(to)) continue;
    called.push(to);
    const channel = people[to].slack ? 'slack' : 'email';
    loop.prompts.push({ to: `${to} by ${channel}`, waits: true });
    if (isLast && channel === 'slack') loop.prompts.push({ to: `${to} by email`, waits: true });
  }
}

const heightOf = ({ role, step }: { role: Role; step: number }): number => heights.indexOf(role) * 1000 + step;

function dueAt(p: Plan): number {
  const rungs = ladders[p.ladder];
  if (p.again !== undefined) return p.again;
  const rung = rungs[p.taken];
  if (rung) return p.from + rung[0] * 60;
  return p.ladder === 'confirmed' ? Infinity : p.from + rungs.at(-1)![0] * 60 + day;
}

function resolve(role: Role, owner: Person): Person {
  if (role === 'owner') return owner;
  if (role === 'lead') return (people[owner].lead as Person | undefined) ?? manager;
  return role === 'manager' ? manager : executive;
}
