/** My tasks: whose words are waiting, most overdue first. Each says why me and why now, and can be done from here in two taps. */

import { capital } from '../domain/capital.ts';
import { ended } from '../domain/ended.ts';
import { inWords } from '../domain/moments.ts';
import { html } from 'hono/html';
import { completion, dismissal, handOver, review, settlement, take, unfold, type Acting } from './acts.ts';
import { takeBack } from './decision.ts';
import type { Html } from './page.ts';
import { notYet } from './signal.ts';
import { due, moment, type Clock } from './when.ts';
import { count, moodWords, quote, restsTag, said, tag } from './words.ts';

export interface TaskShown {
  id: string;
  reference: string;
  about: 'signal' | 'insight';
  /** What it asks for. */
  asks: 'review' | 'take' | 'letter' | 'call' | 'tell' | 'promise' | 'doubt' | 'decide' | 'undo' | 'complete';
  due: Date | undefined;
  words: string | null;
  rests: boolean;
  title: string;
  kind: string;
  place: string;
  /** "Said to Mina Okafor, 15:20; let down." */
  context: string;
  /** Completes "You, because …". */
  whyYou: string;
  /** Completes "now, because …". */
  whyNow: string;
  customer: string | undefined;
  /** Where it asks for a call: when it is certain what to say in it, if that was decided anew. */
  anew: Date | null;
  /** The letter that may not have been sent. */
  doubtful: string | null;
  people: number;
  holder: string;
  until: Date | undefined;
  mayDismiss: boolean;
  /** The decision that can be taken back. */
  seen: string | undefined;
  acting: Acting;
  clock: Clock;
}

export interface Today {
  spoke: number;
  answered: number;
  decided: number;
  settled: number;
}

export function tasks(
  all: readonly TaskShown[],
  today: Today,
  after: { sentence?: string | undefined; refusal?: string | undefined },
): Html {
  return html`${said(after.sentence)} ${said(after.refusal, 'late')}
  ${
    all.length === 0
      ? nothingWaits(today)
      : html`<div class="row spread">
            <h1>${capital(waiting(all))}</h1>
            <small class="desk">j and k move, enter opens</small>
          </div>
          <ol class="stack" id="tasks">
            ${all.map((task) => html`<li>${card(task)}</li>`)}
          </ol>`
  }`;
}

/** "nine people and two decisions are waiting for you" */
function waiting(all: readonly TaskShown[]): string {
  const people = all.filter(({ about }) => about === 'signal').length;
  const decisions = all.length - people;
  const parts = [
    people > 0 ? `${inWords(people)} ${people === 1 ? 'person' : 'people'}` : '',
    decisions > 0 ? `${inWords(decisions)} ${decisions === 1 ? 'decision' : 'decisions'}` : '',
  ].filter(Boolean);
  return `${parts.join(' and ')} ${all.length === 1 ? 'is' : 'are'} waiting for you`;
}

function nothingWaits({ spoke, answered, decided, settled }: Today): Html {
  const done = [
    answered > 0 && `${count(answered, 'was', 'were')} answered`,
    decided > 0 && `${count(decided, 'decision was', 'decisions were')} taken`,
    settled > 0 && `${count(settled, 'says it is', 'say it is')} settled`,
  ].filter((each) => typeof each === 'string');
  return html`<div class="hero stack">
    <h1>Nobody is waiting for you.</h1>
    <p class="claim soft">
      ${spoke > 0 ? `Today ${count(spoke, 'person', 'people')} spoke to us.` : 'Nobody has spoken to us yet today.'}
      ${done.length > 0 ? `${capital(done.join(', '))}.` : ''}
    </p>
    <p><a class="button" href="/capture">Capture what somebody says</a></p>
  </div>`;
}

/** What is due, before and after its time: "take it by 13:00", "not taken, due 40 minutes ago". */
const asksFor: Record<TaskShown['asks'], [before: string, after: string]> = {
  review: ['read it', 'not read,'],
  take: ['take it', 'not taken,'],
  letter: ['answer', 'answer'],
  call: ['call', 'call'],
  tell: ['call', 'call'],
  promise: ['promised', 'promise'],
  doubt: ['look at it', 'not looked at,'],
  decide: ['decide', 'decision'],
  undo: ['decided', 'decided'],
  complete: ['done', 'to be done,'],
};

function card(task: TaskShown): Html {
  const href = `/${task.about}s/${task.id}`;
  const [before, after] = asksFor[task.asks];
  const when = task.due ? due(task.due > task.clock.now ? before : after, task.due, task.clock) : undefined;
  return html`<article
    class="card tight task"
    id="task-${task.id}"
    tabindex="-1"
    data-href="${href}"
    aria-labelledby="said-${task.id}"
  >
    <div class="row spread">
      <span class="row">
        ${task.asks === 'doubt' ? tag('may not have been sent', 'late') : ''} ${when ? tag(when.text, when.tone) : ''}
        ${task.about === 'insight' ? tag(count(task.people, 'person', 'people')) : tag(task.kind)} ${tag(task.place)}
      </span>
      <small>${task.about === 'insight' ? task.title : task.reference}</small>
    </div>
    <div id="said-${task.id}">${quote(task.words, { href })} ${restsTag(task.rests)}</div>
    <p class="soft">
      ${task.context} You, because ${ended(task.whyYou)} ${task.whyNow ? `Now, because ${ended(task.whyNow)}` : ''}
    </p>
    ${task.anew ? notYet(task.anew, task.clock) : ''}
    <div class="acts">${acts(task, href)}</div>
  </article>`;
}

/** One primary button, and the honest no as near as the yes. */
function acts(task: TaskShown, href: string): Html {
  const { acting } = task;
  const go = (label: string, to = `${href}#act`): Html => html`<a class="button go" href="${to}">${label}</a>`;
  const give = handOver(acting, task.holder);
  const end = task.mayDismiss ? dismissal(acting) : '';
  switch (task.asks) {
    case 'review':
      return html`${unfold(acting, 'review', 'Say what it is', review(acting), 'go')} ${give} ${end}`;
    case 'take':
      return html`${take(acting)} ${give} ${end}`;
    case 'letter':
      return html`${go(`Answer ${task.customer ?? 'them'}`)} ${give} ${end}`;
    case 'call':
    case 'tell':
      return html`${task.anew ? go('Look at it', href) : go(`Call ${task.customer ?? 'them'}`)} ${give}`;
    case 'promise':
      return html`${go('Look at it', href)} ${give}`;
    case 'doubt':
      return html`${task.doubtful ? unfold(acting, 'repair', 'Say what to do', settlement(acting, task.doubtful), 'go') : ''}
        <a class="button" href="${href}">Look at it</a> ${give}`;
    case 'decide':
      return html`${go('Decide', `${href}?do=adopt#act`)}
        <a class="button" href="${href}?do=decline#act">No, because…</a>
        <a class="button" href="${href}?do=defer#act">Keep listening</a> ${give}`;
    case 'undo':
      return takeBack(acting, task.seen!, moment(task.until!, task.clock));
    case 'complete':
      return html`${unfold(acting, 'completion', 'It is done', completion(acting), 'go')} ${give}`;
  }
}

/** "Said to Mina Okafor at 15:20; they were let down." */
export function saidTo(capturer: string | undefined, at: string, mood: keyof typeof moodWords | null): string {
  return `${capturer ? `Said to ${capturer}` : 'Said'} ${at}${mood ? `; they were ${moodWords[mood]}` : ''}.`;
}
