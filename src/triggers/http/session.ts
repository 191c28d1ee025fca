/** Who is looking: a cookie that holds a random token, of which only the hash is kept. */

import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Company } from '../../domain/company.ts';
import { placesSeenBy, sightOf, type Sight } from '../../domain/entitlement.ts';
import type { Proof } from '../../domain/signIn.ts';
import type { Tx } from '../../store/pool.ts';
import { newBrowserSecret } from '../../store/records/askings.ts';
import {
  endSession,
  openSession,
  personOfSession,
  sessionSeen,
  type SignedInThrough,
} from '../../store/records/sessions.ts';
import { holdPerson } from '../../store/records/staff.ts';
import { suffices, type Web } from './web.ts';

export interface Visitor {
  code: string;
  name: string;
  /** Codes of the places they see, as the company file has them now. */
  places: string[];
  /** Where what they read was said. */
  sight: Sight;
  company: Company;
  /** Id of the session. */
  session: string;
  /** Proved within the last ten minutes who they are. */
  lately: boolean;
}

/** Thrown where only colleagues may look. Its message is what whoever pressed reads above what they typed. */
export class NotSignedIn extends Error {
  override readonly name = 'NotSignedIn';
}

/** The colleague whose cookie this is; undefined when there is none, it has ended, they have left the company file, or it takes two factors and they
 *  signed in by one. */
export async function visitorOf(c: Context, web: Web): Promise<Visitor | undefined> {
  const token = getCookie(c, nameOf(web));
  if (!token) return undefined;
  const person = await personOfSession(web.heed.pool, token);
  const { company } = await web.heed.configuration();
  const staff = person && company.staff[person.code];
  if (!staff || !suffices(web, person.strength)) return undefined;
  // A page that looks whether it has changed is nobody's doing: left open, it does not keep somebody signed in.
  if (person.quiet && !c.req.header('If-None-Match')) await sessionSeen(web.heed.pool, person.session);
  const { code, session, lately } = person;
  const [places, sight] = [placesSeenBy(company, code), sightOf(company, code)];
  return { code, name: staff.name, company, places, sight, session, lately };
}

/** Throws NotSignedIn. */
export async function mustBeSignedIn(c: Context, web: Web): Promise<Visitor> {
  const visitor = await visitorOf(c, web);
  if (!visitor)
    throw new NotSignedIn(
      'You are not signed in any more. What you typed stands below: sign in in another window, then send it again.',
    );
  return visitor;
}

/** A new session with a new token, whatever cookie there was before. When it ends is kept with it, not in the cookie. None, and false, where by what
 *  they came by nobody may come in any more: a company file that gives them another address, or lets them go, ends what is open or is waited for. */
export async function signIn(
  c: Context,
  web: Web,
  staff: string,
  through: SignedInThrough,
  { may, proof }: { may: (tx: Tx) => Promise<boolean>; proof?: Proof },
): Promise<boolean> {
  const token = await web.heed.pool.transaction(async (tx) => {
    await holdPerson(tx, staff);
    return (await may(tx)) ? openSession(tx, staff, through, proof?.strength, proof?.provedSecondsAgo) : undefined;
  });
  if (token === undefined) return false;
  await signOut(c, web);
  setCookie(c, nameOf(web), token, { ...attributes(web), maxAge: 30 * 24 * 3600 });
  return true;
}

export async function signOut(c: Context, web: Web): Promise<void> {
  const token = getCookie(c, nameOf(web));
  if (token) await endSession(web.heed.pool, token);
  deleteCookie(c, nameOf(web), attributes(web));
}

/** Where somebody wanted to go before they were asked who they are. */
export const comeBackTo = (c: Context, web: Web, path: string): void =>
  setCookie(c, wayBack(web), path, { ...attributes(web), maxAge: 30 * 60 });

/** What a browser must bring back from the company's sign-in service: kept in it for ten minutes, and good for one return. */
export const remember = (c: Context, web: Web, memory: string): void =>
  setCookie(c, onTheWay(web), memory, { ...attributes(web), maxAge: 10 * 60 });

export function remembered(c: Context, web: Web): string | undefined {
  const memory = getCookie(c, onTheWay(web));
  deleteCookie(c, onTheWay(web), attributes(web));
  return memory;
}

/** The secret of a browser that asks for a link to sign in: the one it has, or a new one. Kept for longer than the link, which may be late. */
export function secretOfAsking(c: Context, web: Web): string {
  const secret = secretAskedWith(c, web) ?? newBrowserSecret();
  setCookie(c, asked(web), secret, { ...attributes(web), maxAge: 30 * 60 });
  return secret;
}

/** Undefined in a browser that asked for none. */
export const secretAskedWith = (c: Context, web: Web): string | undefined => getCookie(c, asked(web)) || undefined;

export function forgetAsking(c: Context, web: Web): void {
  if (secretAskedWith(c, web)) deleteCookie(c, asked(web), attributes(web));
}

/** An address of ours to go on to, once; '/' when there is none. */
export function wayBackOf(c: Context, web: Web): string {
  const path = getCookie(c, wayBack(web));
  if (path === undefined) return '/';
  deleteCookie(c, wayBack(web), attributes(web));
  return isOurs(path) ? path : '/';
}

/** A path of ours, and not the name of another host ("//evil", "/\evil"). */
export const isOurs = (path: string): boolean => /^\/(?![/\\])[^\s\\]*$/.test(path);

const overTls = (web: Web): boolean => web.publicUrl.startsWith('https:');
const nameOf = (web: Web): string => (overTls(web) ? '__Host-heed' : 'heed');
const wayBack = (web: Web): string => (overTls(web) ? '__Host-heed-next' : 'heed-next');
const onTheWay = (web: Web): string => (overTls(web) ? '__Host-heed-way' : 'heed-way');
const asked = (web: Web): string => (overTls(web) ? '__Host-heed-asked' : 'heed-asked');
const attributes = (web: Web) => ({ path: '/', httpOnly: true, sameSite: 'Lax' as const, secure: overTls(web) });
