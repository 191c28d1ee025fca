/** About to die unused: what nobody has decided, past its date first. A table on a desk, a list on a phone. */

import { capital } from '../../domain/capital.ts';
import { html } from 'hono/html';
import { clockTime } from '../../domain/moments.ts';
import type { Unused } from '../../domain/loopReport.ts';
import type { Html } from '../page.ts';
import { moment } from '../when.ts';
import { sampleTag, tag } from '../words.ts';
import { howLong } from './howLong.ts';
import { means, type LoopShown } from './shown.ts';

export function unused(shown: LoopShown): Html {
  const rows = shown.report.unused;
  return html`<section class="card tight">
    <h2>About to die unused</h2>
    ${
      rows.length === 0
        ? html`<p class="soft">Nothing: whatever was due has been decided, or put off to a day to come.</p>`
        : html`<table class="unused">
            <thead>
              <tr>
                <th scope="col">What they ask for</th>
                <th scope="col">Decides</th>
                <th scope="col" class="num">People</th>
                <th scope="col" class="num">Past its date</th>
                <th scope="col">Next</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map((row) => line(row, shown))}
            </tbody>
          </table>`
    }
    ${means('unused')}
  </section>`;
}

const attention: Record<Unused['attention'], string> = {
  cited: 'cited before, not decided',
  seen: 'seen, not decided',
  unseen: 'whoever decides has not responded to it',
};

function line(row: Unused, { titleOf, nameOf, clock, roleOf }: LoopShown): Html {
  const { people, past, dueAt } = row;
  return html`<tr>
    <td>
      <a href="/insights/${row.id}">${capital(titleOf(row))}</a> ${sampleTag(row.sample)}<br />
      <span class="soft">${past ? attention[row.attention] : 'not past its date yet'}</span>
    </td>
    <td>${nameOf(row.decider)}</td>
    <td class="num" data-label="${people === 1 ? 'person' : 'people'}">${people}</td>
    ${
      past
        ? html`<td class="num" data-label="past its date">${waited(dueAt, clock)}</td>`
        : html`<td class="num">due ${moment(dueAt, clock)}</td>`
    }
    <td>${next(row, roleOf, clock)}</td>
  </tr>`;
}

/** Whole days are enough once there are some. */
function waited(since: Date, { now }: LoopShown['clock']): string {
  const ms = now.getTime() - since.getTime();
  return howLong(ms < 36 * 3_600_000 ? ms : Math.floor(ms / 86_400_000) * 86_400_000);
}

function next(row: Unused, roleOf: LoopShown['roleOf'], { now, zone }: LoopShown['clock']): Html {
  if (!row.nextRole || !row.nextAt) return html`<span class="soft">nobody more to tell</span>`;
  const who = roleOf(row.nextRole, row.decider, row.place);
  const does = row.nextRole === 'owner' ? 'is reminded' : 'is told';
  return tag(`${who} ${does} ${clockTime(row.nextAt, now, zone)}`, row.past ? 'late' : 'soon');
}
