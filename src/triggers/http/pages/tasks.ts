/** My tasks. */

import { Hono } from 'hono';
import type { Company } from '../../../domain/company.ts';
import { clockTime } from '../../../domain/moments.ts';
import { zoneOf } from '../../../domain/localTime.ts';
import { mayBeDismissed } from '../../../domain/loop.ts';
import { sentenceOf } from '../../../store/views/presses.ts';
import { tasksOf, todayAt, type Task } from '../../../store/views/tasks.ts';
import { saidTo, tasks as tasksBody, type TaskShown } from '../../../web/tasks.ts';
import { count } from '../../../web/words.ts';
import { mustBeSignedIn, type Visitor } from '../session.ts';
import type { Web } from '../web.ts';
import { draw, firstName } from './draw.ts';
import { titleOf } from './titles.ts';

export function taskPages(web: Web): Hono {
  const app = new Hono();
  app.get('/tasks', async (c) => {
    const visitor = await mustBeSignedIn(c, web);
    const { company, code, sight } = visitor;
    const pressed = c.req.query('said');
    const [{ now, tasks }, today, sentence] = await Promise.all([
      tasksOf(web.heed.pool, company, code),
      todayAt(web.heed.pool, sight, company.timezone),
      pressed ? sentenceOf(web.heed.pool, { source: 'web', key: pressed, person: code }) : null,
    ]);
    const shown = tasks.map((task) => shownTo(visitor, task, now));
    return draw(
      c,
      web,
      { title: 'My tasks', here: 'tasks', live: true, scripts: ['tasks.js'] },
      tasksBody(shown, today, { sentence: sentence ?? undefined }),
    );
  });
  return app;
}

function shownTo({ code, company }: Visitor, task: Task, now: Date): TaskShown {
  return task.about === 'signal' ? signalTask(code, company, task, now) : insightTask(code, company, task, now);
}

function signalTask(code: string, company: Company, task: Extract<Task, { about: 'signal' }>, now: Date): TaskShown {
  const { signal, asks } = task;
  const clock = { now, zone: zoneOf(company, signal.place) };
  const nameOf = (who: string): string => company.staff[who]?.name ?? who;
  return {
    ...shared(company, task, `/signals/${signal.id}`, signal.id),
    reference: signal.reference,
    words: signal.words,
    rests: signal.restricted,
    title: signal.reference,
    kind: signal.kind ? (company.kinds[signal.kind]?.name ?? signal.kind) : 'not read yet',
    place: company.places[signal.place]?.name ?? signal.place,
    context: saidTo(
      signal.captured_by ? nameOf(signal.captured_by) : undefined,
      `on ${clockTime(signal.said_at, now, clock.zone)}`.replace(/^on (\d\d:)/, 'at $1'),
      signal.mood,
    ),
    ...why(task, code, { holder: signal.owner, cause: signal.owner_cause, reason: signal.owner_reason }, nameOf),
    ...(asks === 'promise' && { whyNow: 'the promised day has come' }),
    ...(asks === 'doubt' && { whyNow: 'nobody else can say whether it was sent' }),
    ...(asks === 'doubt' && signal.owner !== code && { whyYou: `it was with ${nameOf(signal.owner)}, who has left` }),
    customer: signal.customer ? firstName(signal.customer) : undefined,
    anew: task.anew,
    doubtful: signal.doubtful,
    people: 1,
    holder: signal.owner,
    mayDismiss: mayBeDismissed(signal),
    until: undefined,
    seen: undefined,
    clock,
  };
}

function insightTask(code: string, company: Company, task: Extract<Task, { about: 'insight' }>, now: Date): TaskShown {
  const { insight } = task;
  const nameOf = (who: string): string => company.staff[who]?.name ?? who;
  return {
    ...shared(company, task, `/insights/${insight.id}`, insight.id),
    reference: insight.reference,
    words: insight.words,
    rests: insight.rests,
    title: titleOf(company, insight),
    kind: company.kinds[insight.kind]?.name ?? insight.kind,
    place: insight.places > 1 ? `${insight.places} places` : (company.places[insight.place]?.name ?? insight.place),
    context: `${count(insight.people, 'person has', 'people have')} asked${insight.refused > 0 ? `, and ${insight.refused} did not want what was offered` : ''}.`,
    ...why(task, code, { holder: insight.decider, cause: insight.owner_cause, reason: insight.decider_reason }, nameOf),
    customer: undefined,
    anew: null,
    doubtful: null,
    people: insight.people,
    holder: insight.decider,
    mayDismiss: false,
    until: insight.final_at ?? undefined,
    seen: insight.decision_id ?? undefined,
    clock: { now, zone: company.timezone },
  };
}

const shared = (company: Company, task: Task, base: string, id: string) => ({
  id,
  about: task.about,
  asks: task.asks,
  due: task.due,
  acting: { company, base, id, key: crypto.randomUUID(), from: 'tasks' },
});

interface Held {
  holder: string;
  cause: string;
  reason: string;
}

/** Completes "You, because …". */
export function whyYou(code: string, { holder, cause, reason }: Held, nameOf: (code: string) => string): string {
  if (holder !== code) return `it is with ${nameOf(holder)} and waits`;
  return cause === 'handed_over' ? `it was handed over to you: ${reason}` : reason;
}

/** Why them and why now. The prompt at the beginning needs no other reason than the words themselves. */
function why(
  { plan }: Task,
  code: string,
  held: Held,
  nameOf: (code: string) => string,
): { whyYou: string; whyNow: string } {
  const late = plan?.escalated ? (plan.reason ?? '') : '';
  if (late && held.holder !== code) return { whyYou: `it is with ${nameOf(held.holder)}, and ${late}`, whyNow: '' };
  return { whyYou: whyYou(code, held, nameOf), whyNow: late };
}
