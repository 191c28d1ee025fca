/** The loop, for those who lead: one sentence first, then what it is made of. Numbers are claims: each is defined one tap away, and leads to its people. */

import { html } from 'hono/html';
import { inHundred, percent } from '../../domain/measures.ts';
import type { Numbers } from '../../domain/loopReport.ts';
import type { Html } from '../page.ts';
import { moment } from '../when.ts';
import { tag } from '../words.ts';
import { funnel } from './funnel.ts';
import { address, mainNumbers, means, number, yourNumbers, type LoopShown } from './shown.ts';
import { unused } from './unused.ts';

export function loop(shown: LoopShown): Html {
  return html`<div class="tight">${sentence(shown)} ${whose(shown)} ${filters(shown)}</div>
    <div class="tiles loop">${used(shown)} ${claimed(shown)} ${promises(shown)}</div>
    ${funnel(shown)} ${unused(shown)}`;
}

/** The page's one sentence. Its numbers stand in the first tile again, where they lead to their people. */
function sentence(shown: LoopShown): Html {
  const { due, citing } = mainNumbers(shown).used;
  const decided = 'decided with the customers’ words in hand';
  if (due === 0) return html`<h1>None due yet: no decision has had its date in this time</h1>`;
  if (due === 1) return html`<h1>The one insight that was due was ${citing === 1 ? decided : `not ${decided}`}</h1>`;
  return html`<h1>Of ${due} insights that were due, ${citing} ${citing === 1 ? 'was' : 'were'} ${decided}</h1>`;
}

/** Whose numbers these are, said once. */
const whose = ({ report }: LoopShown): Html | '' =>
  report.sample
    ? html`<p class="row">
        ${tag('sample history', 'sample')}
        <small>Your own facts are never added to it; they stand beside, as “yours”.</small>
      </p>`
    : '';

function filters({ report, asked, periods, places, everywhere, clock }: LoopShown): Html {
  const choice = (text: string, to: typeof asked, chosen: boolean): Html =>
    html`<li><a href="${address(to)}" ${chosen ? html`aria-current="true"` : ''}>${text}</a></li>`;
  return html`<nav class="filters" aria-label="Time and place">
    <ul>
      ${periods.map((days) => choice(`${days} days`, { ...asked, days }, days === asked.days))}
    </ul>
    <ul>
      ${choice(everywhere ? 'All places' : 'All your places', { ...asked, place: undefined }, asked.place === undefined)}
      ${places.map(({ code, name }) => choice(name, { ...asked, place: code }, code === asked.place))}
    </ul>
    <small>as of ${moment(report.asOf, clock)}</small>
  </nav>`;
}

/** A share from ten on, below it the count, and with nothing to divide by, just that. */
function figure(share: number | null, part: number, whole: number): Html {
  if (whole === 0) return html`<p class="figure none">none due yet</p>`;
  return html`<p class="figure">${share === null ? `${part} of ${whole}` : percent(share)}</p>`;
}

function used(shown: LoopShown): Html {
  const { share, citing, due, postponed, inTime } = mainNumbers(shown).used;
  const own = yourNumbers(shown)?.used;
  return html`<section class="card tight">
    <h2 class="quiet">Used</h2>
    ${figure(share, citing, due)}
    ${
      due + (own?.due ?? 0) > 0
        ? html`<p>
              ${number(shown, 'citing', (n) => n.used.citing)} decided with their words, of
              ${number(shown, 'due', (n) => n.used.due)} due
            </p>
            <ul class="parts">
              <li>${number(shown, 'otherwise', (n) => n.used.otherwise)} decided without</li>
              ${
                postponed + (own?.postponed ?? 0) > 0
                  ? html`<li>${number(shown, 'postponed', (n) => n.used.postponed)} put off</li>`
                  : ''
              }
              <li>${number(shown, 'undecided', (n) => n.used.undecided)} undecided</li>
              ${
                inTime + (own?.inTime ?? 0) > 0
                  ? html`<li>${number(shown, 'in-time', (n) => n.used.inTime)} in time</li>`
                  : ''
              }
            </ul>`
        : ''
    }
    ${means('used')}
  </section>`;
}

function claimed(shown: LoopShown): Html {
  const { rounds, confirmed } = mainNumbers(shown).claimed;
  const own = yourNumbers(shown)?.claimed.rounds ?? 0;
  return html`<section class="card tight">
    <h2 class="quiet">Closed, we say</h2>
    <p class="figure">${number(shown, 'claimed', (n) => n.claimed.rounds)}</p>
    ${
      rounds + own > 0
        ? html`<p>
              ${number(shown, 'confirmed', (n) => n.claimed.yes)} confirmed by the customer ·
              ${number(shown, 'silent', (n) => n.claimed.silent)} silent ·
              ${number(shown, 'not-settled', (n) => n.claimed.no)} said no
            </p>
            <ul class="parts">
              <li>${number(shown, 'waiting', (n) => n.claimed.waiting)} still to say</li>
              <li>${number(shown, 'could-not-be-asked', (n) => n.claimed.couldNotBeAsked)} could not be asked</li>
            </ul>
            ${
              confirmed === null
                ? ''
                : html`<p class="soft">
                    Of those who could say, ${percent(confirmed)} confirmed; the gap is ${100 - inHundred(confirmed)} %.
                  </p>`
            }`
        : html`<p class="soft">No last word has been said in this time.</p>`
    }
    ${declined(shown)} ${means('claimed', 'silent', 'explained')}
  </section>`;
}

/** After a decline another question was asked, so these are never added to the ones above. */
function declined(shown: LoopShown): Html | '' {
  const of = (count: keyof Numbers['afterDecline']) => (n: Numbers) => n.afterDecline[count];
  const counted = (count: ReturnType<typeof of>): number =>
    count(mainNumbers(shown)) + (yourNumbers(shown) ? count(yourNumbers(shown)!) : 0);
  if (counted(of('rounds')) === 0) return '';
  const rest = [
    { figure: 'explained-waiting', count: of('waiting'), words: 'still to say' },
    { figure: 'explained-not-asked', count: of('couldNotBeAsked'), words: 'could not be told' },
  ] as const;
  return html`<p class="apart-thin">
    After a no from us (${number(shown, 'explained', of('rounds'))}): ${number(shown, 'explained-clearly', of('yes'))}
    found it explained clearly · ${number(shown, 'not-explained', of('no'))} did not ·
    ${number(shown, 'explained-silent', of('silent'))} silent
    ${rest
      .filter(({ count }) => counted(count) > 0)
      .map(({ figure, count, words }) => html` · ${number(shown, figure, count)} ${words}`)}
  </p>`;
}

function promises(shown: LoopShown): Html {
  const { share, kept, due } = mainNumbers(shown).promises;
  const own = yourNumbers(shown)?.promises.due ?? 0;
  return html`<section class="card tight">
    <h2 class="quiet">Promises kept</h2>
    ${figure(share, kept, due)}
    ${
      due + own > 0
        ? html`<p>
              ${number(shown, 'promises-kept', (n) => n.promises.kept)} of
              ${number(shown, 'promises', (n) => n.promises.due)} that fell due
            </p>
            <ul class="parts">
              <li>${number(shown, 'promises-late', (n) => n.promises.late)} kept late</li>
              <li>${number(shown, 'promises-open', (n) => n.promises.open)} open past their day</li>
            </ul>`
        : ''
    }
    ${means('promises')}
  </section>`;
}
