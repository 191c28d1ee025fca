/** Moments on a page: quiet, in the place's zone, with the exact instant in the element. */

import { html } from 'hono/html';
import { clockTime, elapsedInWords } from '../domain/moments.ts';
import type { Html } from './page.ts';

/** What a moment is read against. */
export interface Clock {
  /** heed_now(). */
  now: Date;
  /** IANA zone. */
  zone: string;
}

/** "15:20" today, "Saturday 15:20" within a week, else with the date. */
export const moment = (at: Date, { now, zone }: Clock): Html =>
  html`<time datetime="${at.toISOString()}">${clockTime(at, now, zone)}</time>`;

/** "40 minutes ago" */
export const ago = (at: Date, { now }: Clock): string => `${elapsedInWords(at, now)} ago`;

/** "due 40 minutes ago" · "by 16:00" · "by Thursday 12:00", with how urgent that is. */
export function due(what: string, at: Date, clock: Clock): { text: string; tone: 'late' | 'soon' | '' } {
  const left = at.getTime() - clock.now.getTime();
  if (left <= 0) return { text: `${what} due ${ago(at, clock)}`, tone: 'late' };
  const seconds = Math.ceil(left / 1000);
  const text =
    seconds < 120 ? `${what} within ${seconds} seconds` : `${what} by ${clockTime(at, clock.now, clock.zone)}`;
  return { text, tone: left < 36 * 3600_000 ? 'soon' : '' };
}
