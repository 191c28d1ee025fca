/** How much one caller may ask of us: token buckets in memory, drawn from before anything is looked up. Each process counts for itself. */

import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { DomainError } from '../../domain/errors.ts';
import { bearerOf } from './api/door.ts';
import { TooMany } from './errors.ts';
import { isOpenedByALink } from './security.ts';

/** So many a second somebody may go on with, and so many at once. */
const rates = {
  address: { rate: 200, burst: 400 },
  key: { rate: 100, burst: 300 },
  /** What brings a link, in its body. A company's people share an address, and its mail scanner opens every link at once. */
  link: { rate: 10, burst: 100 },
  /** Asking for a link to sign in. Each person is mailed once a minute at most, whoever asks. */
  signIn: { rate: 0.2, burst: 30 },
  /** Links and keys that were none of ours, and signatures that were not Slack's. */
  guess: { rate: 0.2, burst: 30 },
} as const;
type Kind = keyof typeof rates;

/** More than this at a time is answered by nobody: who comes later is told so at once, and the database is spared. Whoever was told that it took too
 *  long is still one of them, until what they asked for has ended. */
const mostAtOnce = 500;
/** Of these so many from one address, as many as a mail scanner may open links: whoever never ends what they send keeps nobody else out. As many again
 *  through each door that is counted by itself; Slack, which comes from few addresses, is answered so fast that a hundred is more than it ever has. */
const mostOfOne = 100;

/**
 * Refuses whoever empties their bucket, and everybody beyond what can be answered at once, before the request is looked at. `hops`: how many
 * proxies of ours stand in front, and so which entry of X-Forwarded-For is true.
 */
export function limitedRate(hops: number, now: () => number = () => performance.now()): MiddlewareHandler {
  const buckets = Object.fromEntries(
    Object.entries(rates).map(([kind, rate]) => [kind, new Buckets(rate, now)]),
  ) as unknown as Record<Kind, Buckets>;
  const inHand = new InHand();
  /** Keys that were let in when they were last brought. */
  const good = new Set<string>();

  return async (c, next) => {
    const { path, method } = c.req;
    const address = addressOf(c, hops);
    const token = bearerOf(c);
    const key = token && createHash('sha256').update(token).digest('base64');
    buckets.address.take(address);
    if (key) buckets.key.take(key);
    const byLink = method === 'POST' && isByLink(path);
    if (byLink) buckets.link.take(address);
    if (path === '/sign-in' && method === 'POST') buckets.signIn.take(address);
    const bySlack = path.startsWith('/slack/');
    const byKey = path.startsWith('/v1/');
    const guesses = byLink ? [404] : bySlack || byKey ? [401] : [];
    // Anybody may have an app at Slack that sends to us from Slack's own addresses: what is rightly signed is never kept waiting for that. Nor is a good
    // key for a till in the same shop whose own was ended, and which goes on trying.
    const isKnown = bySlack || (byKey && key !== undefined && good.has(key));
    if (guesses.length > 0 && !isKnown) buckets.guess.mustHave(address);
    // Whoever watches over us is answered also then, and takes nobody's place.
    if (path.startsWith('/health')) return next();
    const who = bySlack ? `slack ${address}` : isUnsubscribing(path) ? `unsubscribe ${address}` : address;
    inHand.begin(who);
    try {
      await next();
    } finally {
      inHand.end(who);
    }
    if (key && c.get('key')) good.add(key);
    if (!guesses.includes(c.res.status)) return;
    if (key) good.delete(key);
    if (bySlack) buckets.guess.take(address);
    else buckets.guess.spend(address);
  };
}

/** Mail programs unsubscribe for their people, many from one address, and must never be kept from it. */
const isUnsubscribing = (path: string): boolean => path.startsWith('/unsubscribe/');
const isByLink = (path: string): boolean => isOpenedByALink(path) && !isUnsubscribing(path);

/** What is being answered at this moment, in all and for each caller, from its headers on. */
class InHand {
  #all = 0;
  readonly #callers = new Map<string, number>();

  /** Throws TooMany, or `service_unavailable` where it is not this caller who asks too much. */
  begin(who: string): void {
    if (this.#of(who) >= mostOfOne) throw new TooMany(1);
    if (this.#all >= mostAtOnce)
      throw new DomainError(
        'service_unavailable',
        'More people ask just now than we can answer. Try again in a moment.',
      );
    this.#all += 1;
    this.#callers.set(who, this.#of(who) + 1);
  }

  end(who: string): void {
    this.#all -= 1;
    const left = this.#of(who) - 1;
    if (left > 0) this.#callers.set(who, left);
    else this.#callers.delete(who);
  }

  #of(who: string): number {
    return this.#callers.get(who) ?? 0;
  }
}

interface Bucket {
  left: number;
  filledAt: number;
}

/** One bucket for each caller. A full one says nothing and is forgotten; where too many are in use, newcomers share one, so that a flood of
 *  fresh addresses frees nobody who has used theirs up. */
export class Buckets {
  readonly #callers = new Map<string, Bucket>();
  readonly #rate: { rate: number; burst: number };
  readonly #now: () => number;
  readonly #most: number;
  #sweptAt = -Infinity;

  constructor(rate: { rate: number; burst: number }, now: () => number, most = 10_000) {
    this.#rate = rate;
    this.#now = now;
    this.#most = most;
  }

  /** Takes one, or throws TooMany. */
  take(who: string): void {
    const bucket = this.#of(who);
    this.#check(bucket);
    bucket.left -= 1;
  }

  /** Throws TooMany where there is nothing left to take. */
  mustHave(who: string): void {
    this.#check(this.#of(who));
  }

  /** Takes one, even if there is none. */
  spend(who: string): void {
    this.#of(who).left -= 1;
  }

  get size(): number {
    return this.#callers.size;
  }

  #check({ left }: Bucket): void {
    if (left < 1) throw new TooMany(Math.ceil((1 - left) / this.#rate.rate));
  }

  #of(who: string): Bucket {
    const { rate, burst } = this.#rate;
    const now = this.#now();
    const known = this.#callers.get(who);
    if (!known && this.#callers.size >= this.#most) this.#forgetFull(now);
    const name = known || this.#callers.size < this.#most ? who : 'everybody else';
    const bucket = this.#callers.get(name) ?? { left: burst, filledAt: now };
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.filledAt) / 1000) * rate);
    bucket.filledAt = now;
    this.#callers.set(name, bucket);
    return bucket;
  }

  #forgetFull(now: number): void {
    // Looking through all of them at every request would be a flood of our own.
    if (now - this.#sweptAt < 1000) return;
    this.#sweptAt = now;
    const { rate, burst } = this.#rate;
    for (const [who, { left, filledAt }] of this.#callers)
      if (left + ((now - filledAt) / 1000) * rate >= burst) this.#callers.delete(who);
  }
}

function addressOf(c: Context, hops: number): string {
  const forwarded = c.req.header('X-Forwarded-For')?.split(',') ?? [];
  if (hops > 0 && forwarded.length >= hops) return callerAt(forwarded.at(-hops)!.trim());
  // There is no socket where a request is handed over in-process.
  return c.env && 'incoming' in c.env ? callerAt(getConnInfo(c).remote.address ?? 'unknown') : 'in-process';
}

/** Who stands behind an address: with IPv6 whoever has the /64, since they have all of it; an IPv4 address is the same in either dress. */
export function callerAt(address: string): string {
  const plain = address
    .replace(/^\[([^\]]*)\](:\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
    .split('%')[0]!;
  if (isIP(plain) !== 6) return plain.slice(0, 64);
  const mapped = /^::ffff:([\d.]+)$/i.exec(plain)?.[1];
  if (mapped) return mapped;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : 8 - groups.length - behind.length;
  const all = [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...behind];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
