/** What can be done about a loop, as forms: the same ones on a task, on its page, and behind a link from an e-mail. Each creates its fact;
 *  the one that is asked for is primary, and the honest no is as near as the yes. */

import { html } from 'hono/html';
import type { Company } from '../domain/company.ts';
import { normalisePhone } from '../domain/customer.ts';
import { saidTo, type Question } from '../domain/questions.ts';
import { chips, line, linkKey, nothingFilled, pressKey, select, text, wrongs, type Filled } from './fields.ts';
import type { Html } from './page.ts';

export interface Acting {
  company: Company;
  /** '/signals/<id>', '/insights/<id>' or '/t': where the forms go, with the verb behind it. */
  base: string;
  /** Token of the link that the page stands behind. */
  link?: string | undefined;
  /** Told from other forms on the page. */
  id: string;
  key: string;
  /** 'tasks': where to come back to. */
  from?: string | undefined;
  /** The form that came back. */
  returned?: { verb: string; filled: Filled } | undefined;
}

/** What was typed into this verb's form, if it is the one that came back. */
export const filledOf = ({ returned }: Acting, verb: string): Filled =>
  returned?.verb === verb ? returned.filled : nothingFilled;

export function act(acting: Acting, verb: string, body: Html, look = 'stack'): Html {
  return html`<form method="post" action="${acting.base}/${verb}" class="${look}" id="${formOf(acting, verb)}">
    ${acting.link ? linkKey(acting.link) : ''} ${pressKey(acting.key)}
    ${acting.from ? html`<input type="hidden" name="from" value="${acting.from}" />` : ''}
    ${wrongs(formOf(acting, verb), filledOf(acting, verb))} ${body}
  </form>`;
}

export const formOf = ({ id }: Acting, verb: string): string => `${verb}-${id}`;

/** A button that opens what one more thing asks for. */
export function unfold(acting: Acting, verb: string, label: string, body: Html, look: 'go' | '' = ''): Html {
  const open = acting.returned?.verb === verb;
  return html`<details id="more-${formOf(acting, verb)}" ${open ? html`open` : ''}>
    <summary class="button ${look}">${label}</summary>
    ${body}
  </details>`;
}

export const take = (acting: Acting): Html =>
  act(acting, 'acknowledgement', html`<button class="go">I’ll take it</button>`, '');

/** The decider has seen it, and says so; deciding is another thing. */
export const takeDecision = (acting: Acting): Html =>
  act(acting, 'acknowledgement', html`<button>I will decide it</button>`, '');

export function handOver(acting: Acting, holder: string): Html {
  const field = { form: formOf(acting, 'handover'), filled: filledOf(acting, 'handover') };
  const others = Object.entries(acting.company.staff).filter(([code]) => code !== holder);
  return unfold(
    acting,
    'handover',
    'Hand over',
    act(
      acting,
      'handover',
      html`<input type="hidden" name="holder" value="${holder}" />
        ${select({
          ...field,
          name: 'to',
          label: 'To',
          empty: 'Choose a colleague',
          required: true,
          options: others.map(([code, person]) => ({ value: code, label: `${person.name}, ${person.title}` })),
        })}
        ${line({ ...field, name: 'reason', label: 'Why them?', required: true })}
        <button class="go">Hand over</button>`,
    ),
  );
}

export function dismissal(acting: Acting): Html {
  const field = { form: formOf(acting, 'dismissal'), filled: filledOf(acting, 'dismissal') };
  return unfold(
    acting,
    'dismissal',
    'No action, because…',
    act(
      acting,
      'dismissal',
      html`${line({
          ...field,
          name: 'reason',
          label: 'Because',
          required: true,
          hint: 'Whoever captured it is told this. Nothing ends in silence.',
        })} <button class="go">No action</button>`,
    ),
  );
}

/** Mail came back from their address; whoever has asked them says that it is right. */
export const vouching = (acting: Acting): Html =>
  act(
    acting,
    'vouching',
    html`<button>The address is right: write again</button>
      <small>Ask them first. If the next letter comes back, too, nothing more goes there.</small>`,
  );

/** A person says what the rules were unsure of. */
export function review(acting: Acting): Html {
  const field = { form: formOf(acting, 'review'), filled: filledOf(acting, 'review') };
  return act(
    acting,
    'review',
    html`${chips({
        ...field,
        name: 'course',
        label: 'What does it call for?',
        required: true,
        block: true,
        options: [
          { value: 'thank', label: 'A thank-you', hint: 'Nothing is asked; somebody was kind.' },
          { value: 'answer', label: 'An answer', hint: 'A person answers them; then it is settled or not.' },
          {
            value: 'decide',
            label: 'An answer and a decision',
            hint: 'Others may want it too; somebody decides whether we change.',
          },
        ],
      })}
      ${select({
        ...field,
        name: 'kind',
        label: 'Read as',
        empty: 'as it was captured',
        options: Object.entries(acting.company.kinds).map(([value, kind]) => ({ value, label: kind.name })),
      })} <input type="hidden" name="verdict" value="pursue" /> <button class="go">This is what it is</button>`,
  );
}

/** What is written or said to the customer, as a draft. */
export interface Letter {
  subject: string;
  text: string;
  phone: string | null;
  purpose: 'answer' | 'told';
  /** A day proposed as the promise, YYYY-MM-DD. */
  promiseOn?: string;
  mayPromise: boolean;
  mayBeFinal: boolean;
  /** What to say in a call in its place: whoever made one records it. */
  call?: Letter | undefined;
}

type Written = Letter & { to: string; today: string };

/** The forms that say it; of a decision only calls are made by hand. */
export const replyVerbs = (letter: Letter): ('call' | 'follow-up')[] =>
  isCall(letter) ? ['call'] : ['follow-up', ...(letter.call ? (['call'] as const) : [])];

const isCall = ({ phone, purpose }: Letter): boolean => phone !== null || purpose === 'told';

export const reply = (acting: Acting, letter: Written): Html =>
  isCall(letter)
    ? call(acting, letter)
    : html`${answer(acting, letter)} ${letter.call ? calledInstead(acting, { ...letter, ...letter.call }) : ''}`;

/** The reply of whoever takes it in the same breath. */
export const replyAtOnce = (acting: Acting, letter: Written): Html =>
  unfold(
    { ...acting, id: `at-once-${acting.id}` },
    replyVerbs(letter).find((verb) => verb === acting.returned?.verb) ?? 'follow-up',
    'Answer at once',
    reply(acting, letter),
  );

const calledInstead = (acting: Acting, asked: Written): Html =>
  unfold(acting, 'call', 'I have called them', call(acting, asked));

function answer(acting: Acting, letter: Written): Html {
  const field = { form: formOf(acting, 'follow-up'), filled: filledOf(acting, 'follow-up') };
  return act(
    acting,
    'follow-up',
    html`${line({ ...field, name: 'subject', label: 'Subject', preset: letter.subject, most: 200 })}
      ${text({
        ...field,
        name: 'words',
        label: `To ${letter.to}`,
        preset: letter.text,
        look: 'epistle',
        rows: 14,
        required: true,
        hint: 'A draft. Change what you like: it leaves in your name, and they can answer you directly.',
      })}
      ${letter.mayPromise ? promise(field, letter.today, letter.promiseOn) : ''}
      ${letter.mayBeFinal ? finalAnswer(field) : ''} <button class="go wide last">Send in my name</button>`,
  );
}

function call(acting: Acting, asked: Written): Html {
  const field = { form: formOf(acting, 'call'), filled: filledOf(acting, 'call') };
  return act(
    acting,
    'call',
    html`<p>
        ${asked.purpose === 'told' ? 'Tell them what was decided' : `Call ${asked.to}`}${
          asked.phone
            ? html`: <a class="button" href="tel:${normalisePhone(asked.phone) ?? asked.phone}">${asked.phone}</a>`
            : '.'
        }
      </p>
      <div class="card prose">${asked.text.split(/\n\n+/).map((part) => html`<p>${part}</p>`)}</div>
      ${asked.mayPromise ? promise(field, asked.today) : ''} ${asked.mayBeFinal ? finalAnswer(field) : ''}
      <div class="row">
        <button class="go" name="outcome" value="reached">They heard it from me</button>
        <button name="outcome" value="no_reply">No reply</button>
        <button name="outcome" value="wrong_number">Wrong number</button>
      </div>`,
  );
}

const promise = (field: { form: string; filled: Filled }, today: string, proposed?: string): Html =>
  line({
    ...field,
    name: 'promiseOn',
    label: 'They hear from us by',
    also: 'a promise: say the same day in your answer, or leave both out',
    preset: proposed,
    type: 'date',
    min: today,
  });

const finalAnswer = ({ filled }: { filled: Filled }): Html =>
  html`<label class="choice block"
    ><input type="checkbox" name="final" value="yes" ${filled.values['final'] ? html`checked` : ''} /><span
      >This is our final answer<br /><span class="hint"
        >Another no is kept with it, and does not start again.</span
      ></span
    ></label
  >`;

/** A colleague heard from the customer whether it is settled; or, after a "no" of ours, whether that was explained. */
export function confirmation(acting: Acting, customer: string, question: Question): Html {
  const field = { form: formOf(acting, 'confirmation'), filled: filledOf(acting, 'confirmation') };
  return unfold(
    acting,
    'confirmation',
    `${customer} told me`,
    act(
      acting,
      'confirmation',
      html`${text({ ...field, name: 'words', label: 'What they said', also: 'if it matters', rows: 2 })}
        <div class="row">
          <button class="go" name="says" value="yes">${saidTo[question].yes}, they say</button>
          <button name="says" value="no">${saidTo[question].no}, they say</button>
        </div>`,
    ),
  );
}

/** A letter of which nobody knows whether it arrived: again, or no more. Several may be in doubt, so each has a form of its own. */
export function settlement(on: Acting, letter: string): Html {
  const mine = on.returned && filledOf(on, 'repair').values['letter'] === letter;
  const acting = { ...on, id: `${on.id}-${letter}`, returned: mine ? on.returned : undefined };
  const field = { form: formOf(acting, 'repair'), filled: filledOf(acting, 'repair') };
  return act(
    acting,
    'repair',
    html`<input type="hidden" name="letter" value="${letter}" />
      ${line({
        ...field,
        name: 'reason',
        label: 'Because',
        required: true,
        hint: 'Colleagues read it under what became of this.',
      })}
      <div class="row">
        <button class="go" name="action" value="resend">Send it again</button>
        <button name="action" value="leave">Leave it</button>
      </div>`,
  );
}

export function completion(acting: Acting): Html {
  const field = { form: formOf(acting, 'completion'), filled: filledOf(acting, 'completion') };
  return act(
    acting,
    'completion',
    html`${text({
        ...field,
        name: 'evidence',
        label: 'What shows that it is done?',
        required: true,
        rows: 2,
        placeholder: 'In the shops since Monday, order 4711',
      })} <button class="go">It is done</button>`,
  );
}
