/** What became of what I captured, newest news first. It says thank you by showing that it mattered, and ranks nobody. */

import { capital } from '../domain/capital.ts';
import { ended } from '../domain/ended.ts';
import { html } from 'hono/html';
import type { Company } from '../domain/company.ts';
import { longDate } from '../domain/longDate.ts';
import type { SignalStage } from '../domain/loop.ts';
import { insightTitle } from '../domain/sameness.ts';
import type { Html } from './page.ts';
import { moment, type Clock } from './when.ts';
import { quote, restsTag, sampleTag, tag } from './words.ts';

export interface MineShown {
  id: string;
  reference: string;
  sample: boolean;
  /** Where it was said, of what whoever captured it does not see any more. */
  elsewhere: string | undefined;
  words: string | null;
  /** The customer has asked that nothing be done with it for now. */
  rests: boolean;
  at: Date;
  newsAt: Date;
  clock: Clock;
  stage: SignalStage;
  /** After each "no" of the customer another begins. */
  round: number;
  attributes: Record<string, string>;
  kind: string | null;
  unmet: boolean;
  owner: string;
  answeredBy: string | undefined;
  decision:
    | {
        outcome: 'adopted' | 'declined' | 'deferred';
        scope: 'everyone' | 'these' | null;
        reason: string;
        doneBy: string | null;
        by: string;
      }
    | undefined;
  /** The customer hears of that decision, or has heard: there is a way to them. */
  told: boolean;
  decider: string | undefined;
  says: 'yes' | 'no' | null;
  closedHow: string | null;
  closedReason: string | null;
}

/** `more`: there are earlier ones. */
export function mine(
  all: readonly MineShown[],
  company: Company,
  { skip, most, more }: { skip: number; most: number; more: boolean },
): Html {
  if (all.length === 0 && skip === 0)
    return html`<div class="hero stack">
      <h1>You have not captured anything yet.</h1>
      <p class="claim soft">When a customer tells you something, keep it. You will read here what became of it.</p>
      <p><a class="button go" href="/capture">Capture</a></p>
    </div>`;
  return html`<h1>What became of what you heard</h1>
    <ul class="list">
      ${all.map((each) => {
        const { headline, more, tone } = news(each, company);
        return html`<li class="tight">
          <h2>${headline}</h2>
          ${more ? html`<p class="soft">${more}</p>` : ''}
          ${
            each.elsewhere === undefined
              ? quote(each.words, { href: `/signals/${each.id}` })
              : html`<p class="soft">It was said at ${each.elsewhere}, where you work no more.</p>`
          }
          <div class="row">
            ${tone ? tag(tone === 'done' ? 'done' : 'waiting', tone) : ''} ${restsTag(each.rests)}
            ${sampleTag(each.sample)}
            <small
              >${each.reference}, captured ${moment(each.at, each.clock)}; news
              ${moment(each.newsAt, each.clock)}</small
            >
          </div>
        </li>`;
      })}
    </ul>
    <p class="row">
      ${skip > 0 ? html`<a class="button" href="/mine?skip=${Math.max(0, skip - most)}">Later ones</a>` : ''}
      ${more ? html`<a class="button" href="/mine?skip=${skip + most}">Earlier ones</a>` : ''}
    </p>`;
}

interface News {
  headline: string;
  more?: string;
  tone?: 'done' | 'soon';
}

/** "Green is coming. You heard it." */
export function news(s: MineShown, company: Company): News {
  const more = s.decision && s.decision.outcome !== 'deferred' ? because(s.decision, s.clock) : undefined;
  if (s.closedHow === 'dismissed')
    return { headline: 'No action, and why', ...(s.closedReason && { more: s.closedReason }) };
  // Whatever was decided, they have said no to it.
  if (s.closedHow === 'final')
    return { headline: 'Not settled, they say. A final answer was given.', ...(more && { more }), tone: 'done' };
  // Nobody takes it up, answers or tells them meanwhile.
  if (s.rests && s.stage !== 'closed')
    return { headline: 'It rests for now, as they asked.', ...(more && { more }), tone: 'soon' };
  if (s.round > 1 && s.stage !== 'closed')
    return { headline: `Not settled, they say. ${s.owner} takes it up again.`, ...(more && { more }), tone: 'soon' };
  if (s.decision?.outcome === 'adopted')
    return {
      headline: `${yes(s, company)} You heard it.${s.says === 'yes' ? ' And it is settled, they say.' : ''}`,
      more: more!,
      tone: 'done',
    };
  if (s.decision?.outcome === 'declined')
    return {
      headline: s.told ? 'The answer is no, and they are told why.' : 'The answer is no. There is no way to tell them.',
      more: more!,
      tone: 'done',
    };
  if (s.says === 'yes') return { headline: 'Settled, they say. You kept it from being forgotten.', tone: 'done' };
  switch (s.stage) {
    case 'captured':
      return { headline: 'Kept, and being read.' };
    case 'review':
      return { headline: `${s.owner} reads what it is.` };
    case 'acknowledge':
      return { headline: `With ${s.owner}, not taken yet.` };
    case 'answer':
      return { headline: `${s.owner} is answering them.` };
    case 'decision':
      return {
        headline: `${s.answeredBy ? `${s.answeredBy} has answered them; ` : ''}${s.decider ?? 'Somebody'} is deciding.`,
      };
    case 'confirmation':
      return { headline: `${s.answeredBy ?? 'A colleague'} has answered them, and asked whether it is settled.` };
    default:
      return { headline: s.answeredBy ? `${s.answeredBy} answered them.` : 'It is closed.', tone: 'done' };
  }
}

/** What was missing is coming; a wish is granted. Whoever asks next at the counter is told what stands here, so it says for whom. */
function yes({ attributes: { item, ...attributes }, kind, unmet, decision }: MineShown, company: Company): string {
  const whom = decision?.scope === 'these' ? ', for everyone who asked' : '';
  if (!unmet) return `Yes to ${insightTitle(company, { kind: kind ?? '', ...(item && { item }), attributes })}${whom}.`;
  const named = Object.keys(company.vocabulary.attributes).find((name) => attributes[name]);
  const what = (named && attributes[named]) ?? item;
  return `${what ? capital(what) : 'It'} is coming${whom}.`;
}

const because = ({ reason, doneBy, by }: NonNullable<MineShown['decision']>, { now, zone }: Clock): string =>
  `${by} decided: ${ended(reason)}${doneBy ? ` By ${longDate(doneBy, now, zone)}.` : ''}`;
