/** The people behind a number: their words, and what each leads to. */

import { capital } from '../../domain/capital.ts';
import { html } from 'hono/html';
import { figures, type Figure } from '../../domain/measures.ts';
import type { Html } from '../page.ts';
import { moment, type Clock } from '../when.ts';
import { count, quote, restsTag, sampleTag } from '../words.ts';
import { address, means, type Asked, type Whose } from './shown.ts';

export interface BehindShown {
  figure: Figure;
  asked: Asked;
  of: Whose;
  /** The number itself. */
  total: number;
  skip: number;
  most: number;
  /** In words: one of them, or all of the reader's. */
  where: string;
  rows: {
    id: string;
    reference: string;
    place: string;
    at: Date;
    clock: Clock;
    words: string | null;
    rests: boolean;
    person: string | null;
    round: number;
    kind: string | undefined;
    /** Of an insight: what they ask for, and how many. */
    title: string | undefined;
    people: number | null;
    owner: string;
  }[];
}

export function behind(b: BehindShown): Html {
  const { title, measure, of } = figures[b.figure];
  const next = b.skip + b.most;
  return html`<p><a class="alone" href="${address(b.asked)}">The loop</a></p>
    <div class="row spread">
      <h1>${title}: ${b.total}</h1>
      ${sampleTag(b.of === 'sample')}
    </div>
    <p class="soft">${measure === 'unused' ? 'As of now' : `Last ${b.asked.days} days`}, ${b.where}.</p>
    ${means(measure)} ${b.total === 0 ? html`<p class="claim soft">Nobody.</p>` : ''}
    <ul class="list">
      ${b.rows.map((row) => (of === 'insights' ? insight(row) : signal(row)))}
    </ul>
    <nav class="row" aria-label="More of the list">
      ${b.skip > 0 ? html`<a class="button" href="${address(b.asked, b.figure, b.of, Math.max(0, b.skip - b.most))}">Later ones</a>` : ''}
      ${next < b.total ? html`<a class="button" href="${address(b.asked, b.figure, b.of, next)}">Earlier ones</a>` : ''}
      ${b.total > b.most ? html`<small>${b.skip + 1} to ${Math.min(next, b.total)} of ${b.total}</small>` : ''}
    </nav>`;
}

type Row = BehindShown['rows'][number];

const signal = (row: Row): Html =>
  html`<li class="tight">
    ${quote(row.words, { href: `/signals/${row.id}` })} ${restsTag(row.rests)}
    <p class="soft">
      ${[row.person, row.kind, row.place].filter(Boolean).join(' · ')} · ${moment(row.at, row.clock)} · with
      ${row.owner}${row.round > 1 ? `, when it was taken up again` : ''} · <small>${row.reference}</small>
    </p>
  </li>`;

const insight = (row: Row): Html =>
  html`<li class="tight">
    <h2><a href="/insights/${row.id}">${capital(row.title ?? row.reference)}</a></h2>
    ${quote(row.words)} ${restsTag(row.rests)}
    <p class="soft">
      ${count(row.people ?? 0, 'person', 'people')} · ${row.owner} decides · due ${moment(row.at, row.clock)} ·
      <small>${row.reference}</small>
    </p>
  </li>`;
