/** Long lists, a page at a time. */

import type { Context } from 'hono';

/** Nobody turns that many pages; Postgres refuses what is no number of its own. */
const furthest = 1_000_000;

/** How many rows the address goes past: none where it says nothing of the kind. */
export const skipIn = (c: Context): number =>
  Math.min(furthest, Math.max(0, Number.parseInt(c.req.query('skip') ?? '', 10) || 0));
