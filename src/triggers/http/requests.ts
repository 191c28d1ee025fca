/** How much one caller may ask of us, how large it may be and how long it may take. */

import { createHash } from 'node:crypto';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { timeout } from 'hono/timeout';
import { DomainError } from '../../domain/errors.ts';
import { TooMany } from './errors.ts';

const kib = 1024;

/** 64 KiB is far more than anybody says at a counter. Slack sends whole messages back, and the embedded parts are their own border. */
export const limitedBodies: MiddlewareHandler = (c, next) => {
  const maxSize = c.req.path.startsWith('/slack/') ? 256 * kib : c.req.path.startsWith('/dev/') ? 1024 * kib : 64 * kib;
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new DomainError('content_too_large', `This is larger than ${maxSize / kib} KiB. Send less at once.`);
    },
  })(c, next);
};

/** A person has gone by then. Streams are not touched: they have begun to answer. */
export const inTime: MiddlewareHandler = timeout(
  20_000,
  () => new HTTPException(503, { message: 'This took too long. Ask again in the same words: nothing is done twice.' }),
);

/** For `http.createServer`: a connection that sends its request a byte at a time is cut (T1). */
export const serverLimits = { requestTimeout: 20_000, headersTimeout: 10_000, maxHeaderSize: 16 * kib };

/** How many requests a second somebody may go on with, and how many at once. */
interface Bucket {
  left: number;
  filledAt: number;
}
const perAddress = { rate: 200, burst: 400 };
const perKey = { rate: 100, burst: 300 };

/**
 * Token buckets in memory, one for each address and one for each key; whoever empties theirs is told when to come again. Each process counts
 * for itself. `hops`: how many proxies of ours stand in front, and so which entry of X-Forwarded-For is true.
 */
export function limitedRate(hops: number): MiddlewareHandler {
  const buckets = new Map<string, Bucket>();
  return (c, next) => {
    const bearer = c.req.header('Authorization');
    take(buckets, `address ${addressOf(c, hops)}`, perAddress);
    if (bearer) take(buckets, `key ${createHash('sha256').update(bearer).digest('base64')}`, perKey);
    return next();
  };
}

function take(buckets: Map<string, Bucket>, who: string, { rate, burst }: { rate: number; burst: number }): void {
  const now = performance.now();
  if (buckets.size >= 10_000) forgetFull(buckets, now);
  const bucket = buckets.get(who) ?? { left: burst, filledAt: now };
  bucket.left = Math.min(burst, bucket.left + ((now - bucket.filledAt) / 1000) * rate);
  bucket.filledAt = now;
  buckets.set(who, bucket);
  if (bucket.left < 1) throw new TooMany(Math.ceil((1 - bucket.left) / rate));
  bucket.left -= 1;
}

/** Buckets that nobody drew from for a while say nothing. If that frees nothing we are being flooded, and all start afresh. */
function forgetFull(buckets: Map<string, Bucket>, now: number): void {
  for (const [who, { filledAt }] of buckets) if (now - filledAt > 5000) buckets.delete(who);
  if (buckets.size >= 10_000) buckets.clear();
}

function addressOf(c: Context, hops: number): string {
  const forwarded =
    c.req
      .header('X-Forwarded-For')
      ?.split(',')
      .map((part) => part.trim()) ?? [];
  if (hops > 0 && forwarded.length >= hops) return forwarded.at(-hops)!;
  // There is no socket where a request is handed over in-process.
  return c.env && 'incoming' in c.env ? (getConnInfo(c).remote.address ?? 'unknown') : 'in-process';
}
