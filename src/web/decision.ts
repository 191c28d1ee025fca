/** Deciding: four answers side by side, then what goes with the chosen one, who will hear of it, and one button. */

import { html } from 'hono/html';
import { act, filledOf, formOf, type Acting } from './acts.ts';
import { line, linkKey, text, valuesOf, type Filled } from './fields.ts';
import type { Html } from './page.ts';
import { count, restsTag } from './words.ts';

/** The answers, as the address of a page names them. */
export const choices = ['adopt', 'these', 'decline', 'defer'] as const;
export type Choice = (typeof choices)[number];

export interface Preview {
  written: number;
  called: number;
  cannot: number;
  /** Code → how many. */
  reasons: Record<string, number>;
}

export interface Deciding {
  acting: Acting;
  choice: Choice | undefined;
  /** Address of this page, without the choice. */
  here: string;
  people: number;
  verbatims: readonly { id: string; words: string | null; place: string; refused: boolean; rests: boolean }[];
  /** Said before those, so that a decision can't be rested on them here. */
  older: number;
  preview: Preview | undefined;
  /** YYYY-MM-DD, in the company's zone. */
  today: string;
  /** What stands as these answers are drawn: whoever finds it changed has decided something else than they saw. */
  seen: string;
  /** "10 minutes" */
  undo: string;
}

export const choiceLabels: Record<Choice, string> = {
  adopt: 'Yes, for everyone',
  these: 'Yes, for these people',
  decline: 'No, because…',
  defer: 'Keep listening',
};

export function decision(deciding: Deciding): Html {
  const { acting, choice, here } = deciding;
  const ways = choices.map((each) => {
    const to = `${here}${here.includes('?') ? '&' : '?'}do=${each}`;
    const look = `button ${!choice && each === 'adopt' ? 'go' : ''}`;
    const chosen = each === choice ? html`aria-current="true"` : '';
    return acting.link
      ? html`<button class="${look}" formaction="${to}" ${chosen}>${choiceLabels[each]}</button>`
      : html`<a class="${look}" href="${to}#${formOf(acting, 'decision')}" ${chosen}>${choiceLabels[each]}</a>`;
  });
  return html`${
    acting.link
      ? html`<form method="post" action="${here}" class="choices" aria-label="Decide">
          ${linkKey(acting.link)} ${ways}
        </form>`
      : html`<nav class="choices" aria-label="Decide">${ways}</nav>`
  }
  ${choice ? form(deciding, choice) : ''}`;
}

function form(deciding: Deciding, choice: Choice): Html {
  const { acting } = deciding;
  const filled = filledOf(acting, 'decision');
  const field = { form: formOf(acting, 'decision'), filled };
  const reasons = {
    adopt: 'What customers read: what will be different?',
    these: 'What these customers read: what will be different for them?',
    decline: 'What customers read: why not?',
    defer: 'What are we still waiting to hear?',
  };
  return act(
    acting,
    'decision',
    html`<input type="hidden" name="do" value="${choice}" />
      <input type="hidden" name="seen" value="${deciding.seen}" />
      ${text({ ...field, name: 'reason', label: reasons[choice], required: true, focus: true, rows: 3 })}
      ${
        choice === 'adopt' || choice === 'these'
          ? line({ ...field, name: 'doneBy', label: 'Done by', type: 'date', min: deciding.today, required: true })
          : ''
      }
      ${choice === 'defer' ? listening(field, deciding) : evidence(filled, deciding)}
      ${text({ ...field, name: 'internalReason', label: 'Among colleagues', also: 'customers never read this', rows: 2 })}
      ${choice === 'defer' ? '' : html`<p class="card tight">${whoHears(deciding)}</p>`}
      <button class="go wide last">${choice === 'defer' ? 'Keep listening' : 'Decide'}</button>
      ${
        choice === 'defer'
          ? ''
          : html`<p class="hint">You can take it back for ${deciding.undo}. Until then nothing leaves.</p>`
      }`,
  );
}

const listening = (field: { form: string; filled: Filled }, { today }: Deciding): Html =>
  html`<div class="fields">
    ${line({ ...field, name: 'wakeOn', label: 'Ask me again on', type: 'date', min: today, required: true })}
    ${line({
      ...field,
      name: 'untilPeople',
      label: 'or once so many people have asked',
      type: 'number',
      min: '1',
    })}
  </div>`;

/** Never ticked beforehand: what a decision rests on is chosen, not assumed. */
function evidence(filled: Filled, { verbatims, older }: Deciding): Html {
  const chosen = valuesOf(filled, 'evidence');
  return html`<fieldset class="tight">
    <legend>What does it rest on? <span class="also">tick the words that count</span></legend>
    ${
      older > 0
        ? html`<p class="hint">
            These are the latest: ${count(older, 'older one', 'older ones')} can’t be ticked here.
          </p>`
        : ''
    }
    ${verbatims.map(
      ({ id, words, place, refused, rests }) =>
        html`<label class="choice block"
          ><input type="checkbox" name="evidence" value="${id}" ${chosen.includes(id) ? html`checked` : ''} /><span
            >${words === null ? 'Erased words' : `“${words.trim()}”`}<br /><span class="hint"
              >${place}${refused ? ' · did not want what was offered' : ''} ${restsTag(rests)}</span
            ></span
          ></label
        >`,
    )}
  </fieldset>`;
}

/** "12 will be written to, 2 cannot." */
function whoHears({ preview, people }: Deciding): Html {
  if (!preview) return html`${count(people, 'person', 'people')} will hear of it.`;
  const { written, called, cannot } = preview;
  const reasons = Object.entries(preview.reasons).map(([code, many]) => `${many} ${whyNot[code] ?? code}`);
  const parts = [
    `${written} will be written to`,
    called > 0 ? `${called} will be called` : '',
    cannot > 0 ? `${cannot} cannot` : '',
  ].filter(Boolean);
  return html`<b>${parts.join(', ')}.</b> ${reasons.length > 0 ? html`<small>${reasons.join(' · ')}</small>` : ''}`;
}

const whyNot: Record<string, string> = {
  closed: 'had it closed before',
  told_before: 'heard an earlier decision on it',
  nobody: 'left no name',
  no_consent: 'did not agree to hear from us',
  no_address: 'left no address',
  wrong_number: 'left somebody else’s number',
  suppressed: 'asked us to stop writing',
  bounced: 'left an address that takes no mail',
  not_me: 'said it was not them',
};

/** "You decided. You can still take it back." */
export const takeBack = (acting: Acting, seen: string, until: Html): Html =>
  act(
    acting,
    'withdrawal',
    html`<input type="hidden" name="seen" value="${seen}" />
      <p>Nothing has left yet. You can take it back until ${until}.</p>
      <button>Take it back</button>`,
    'tight',
  );
