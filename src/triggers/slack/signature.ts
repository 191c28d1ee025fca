/** Whether a request was signed by Slack, and lately: HMAC over the very bytes that came, compared in constant time. */

import { createHmac, timingSafeEqual } from 'node:crypto';

/** Slack's own tolerance, both ways. */
const toleranceSeconds = 300;

export interface Signed {
  timestamp: string | undefined;
  signature: string | undefined;
  body: Buffer;
}

/** True for a v0 signature by `secret` of exactly this body, made within five minutes of `now` (ms since 1970). */
export function isFromSlack(secret: string, { timestamp, signature, body }: Signed, now = Date.now()): boolean {
  if (timestamp === undefined || signature === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now / 1000 - Number(timestamp)) > toleranceSeconds) return false;
  const expected = createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex');
  const mine = Buffer.from(`v0=${expected}`);
  const theirs = Buffer.from(signature);
  return mine.length === theirs.length && timingSafeEqual(mine, theirs);
}
