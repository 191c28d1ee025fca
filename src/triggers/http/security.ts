/** What every answer carries, and whose forms are taken: nothing from elsewhere is loaded, framed, or allowed to press for somebody. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { asOfNow, type Credential } from '../../domain/credential.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Tally } from '../../store/records/refusals.ts';

/** No script or style but our own files, nothing that makes script out of text (Trusted Types), no frame around us. */
const everyPage = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self'",
  'connect-src': "'self'",
  'form-action': "'self'",
  'base-uri': "'none'",
  'frame-ancestors': "'none'",
  'require-trusted-types-for': "'script'",
  'trusted-types': "'none'",
};

/** The policy of every page, with what one of them needs otherwise; undefined: without that line. */
export const contentPolicy = (otherwise: Partial<Record<keyof typeof everyPage, string | undefined>> = {}): string =>
  Object.entries({ ...everyPage, ...otherwise })
    .flatMap(([directive, sources]) => (sources === undefined ? [] : [`${directive} ${sources}`]))
    .join('; ');

/** What a page could ask a browser for, and none of ours does. */
const permissions = [
  'camera',
  'display-capture',
  'geolocation',
  'microphone',
  'payment',
  'publickey-credentials-get',
  'usb',
]
  .map((feature) => `${feature}=()`)
  .join(', ');

/**
 * Headers of every answer, errors included. A part that brings a policy of its own keeps it. What says nothing about being kept is kept by no
 * cache: nearly everything here is about somebody.
 */
export function securityHeaders(publicUrl: string): MiddlewareHandler {
  const overTls = publicUrl.startsWith('https:');
  const policy = contentPolicy();
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', policy);
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
    // Nobody is told where somebody came by a link; those of before, and the one of a mail program, are keys. Elsewhere "no-referrer" would also
    // take the Origin from our own forms, by which they are told from others' where TLS is missing.
    headers.set('Referrer-Policy', isOpenedByALink(c.req.path) ? 'no-referrer' : 'same-origin');
    headers.set('Permissions-Policy', permissions);
    headers.set('X-Content-Type-Options', 'nosniff');
    headers.set('Cross-Origin-Opener-Policy', 'same-origin');
    headers.set('Cross-Origin-Resource-Policy', 'same-origin');
    if (overTls) headers.set('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
  };
}

/**
 * Refuses a form that another site submits with this person's cookie. Browsers say where a press comes from (Sec-Fetch-Site, or Origin);
 * whoever says neither is no browser and carries no cookie of ours. Doors that bring their own proof, and no cookie, pass. `refused` is told
 * where a form of others was sent to.
 */
export function ownFormsOnly(publicUrl: string, refused: (path: string) => void): MiddlewareHandler {
  const own = new URL(publicUrl).origin;
  return async (c, next) => {
    if (isSafe(c.req.method) || bringsItsOwnProof(c.req.path)) return next();
    const site = c.req.header('Sec-Fetch-Site');
    const origin = c.req.header('Origin');
    const here = new URL(c.req.url).origin;
    const isOurs = site
      ? site === 'same-origin' || site === 'none'
      : !origin || origin === own || origin === here || (origin === 'null' && isOpenedByALink(c.req.path));
    if (isOurs) return next();
    refused(c.req.path);
    throw new DomainError(
      'forbidden',
      'This form was sent from another site, so nothing was done. Open our page and press there.',
    );
  };
}

/**
 * Where people reach us by https, what came to our proxy in plain gets no answer of ours: a page that somebody opens is shown under its right
 * address, and all else is refused, so that whoever wrote it down wrong hears of it. `hops`: as in rates.ts. Whoever asks past the proxy, as the
 * checks of this machine do, sends no such header.
 */
export function encryptedOnly(publicUrl: string, hops: number): MiddlewareHandler {
  return async (c, next) => {
    if (!publicUrl.startsWith('https:') || !cameInPlain(c.req.header('X-Forwarded-Proto'), hops)) return next();
    const { pathname, search } = new URL(c.req.url);
    if (/^(GET|HEAD)$/.test(c.req.method) && !isForPrograms(pathname))
      return c.redirect(`${publicUrl}${pathname}${search}`, 308);
    throw new DomainError(
      'forbidden',
      `This came over the network unencrypted, so nothing was done. Ask at ${publicUrl} instead, and exchange a key that was sent along: others may have read it.`,
    );
  };
}

/** What the outermost of our proxies said; most say it once for all of them. */
function cameInPlain(header: string | undefined, hops: number): boolean {
  if (!header || hops === 0) return false;
  const said = header.split(',').map((one) => one.trim().toLowerCase());
  return (said.at(-hops) ?? said[0]) === 'http';
}

const isForPrograms = (path: string): boolean => /^\/(v1|slack|health|metrics|openapi)\b/.test(path);

/** Where one may stand in for anybody, only names of this machine and our own are answered to: another site may have its name lead here, and its
 *  page would read all of it as its own. */
export function onThisMachineAlone(publicUrl: string): MiddlewareHandler {
  const names = new Set(['localhost', '127.0.0.1', '[::1]', new URL(publicUrl).hostname]);
  return async (c, next) => {
    if (names.has(new URL(c.req.url).hostname)) return next();
    throw new DomainError(
      'forbidden',
      `This is a demonstration on one machine, and answers there alone: open ${publicUrl}. For a web that others reach, set PUBLIC_URL and SMTP_URL.`,
    );
  };
}

const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS';

/** Keys, signatures, and the one-click address of a mail program, which knows no origin. */
const bringsItsOwnProof = (path: string): boolean => /^\/(v1|slack|unsubscribe)\//.test(path);

/** Pages that keep their address to themselves make the browser keep the origin too. What they can do hangs on the token in the body, not on a
 *  cookie; only without TLS is there no other sign of where the press comes from. */
export const isOpenedByALink = (path: string): boolean =>
  /^\/(t|yours|not-me|unsubscribe|rights|sign-in)(\/|$)/.test(path);

/** For machines that watch us: with a token set, only who brings it (`Authorization: Bearer …`) is answered, and the others are counted; without
 *  one, everybody. */
export function onlyWatchers(token: Credential | undefined, turnedAway: Tally): MiddlewareHandler {
  return async (c, next) => {
    if (!token || isSame(c.req.header('Authorization') ?? '', `Bearer ${asOfNow(token)}`)) return next();
    turnedAway.count({ door: 'metrics', why: 'unknown' });
    throw new DomainError(
      'unauthorized',
      'This is for the machines that watch Heed: bring METRICS_TOKEN as a bearer token.',
    );
  };
}

/** Hashed first, so that neither content nor length shows in the time it takes. */
const isSame = (given: string, expected: string): boolean => timingSafeEqual(hashOf(given), hashOf(expected));
const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
