/** People at our pages, as a browser without script has it: they read, follow addresses, and press buttons of forms that are really there. */

import { Hono } from 'hono';
import { z } from 'zod';
import { linkTo } from '../../../../src/domain/links.ts';
import { sql, type Db } from '../../../../src/store/pool.ts';
import { makeLink } from '../../../../src/store/records/links.ts';
import { createApp } from '../../../../src/triggers/http/app.ts';
import type { Web } from '../../../../src/triggers/http/web.ts';
import { openShop, type Shop } from '../../../activities/messages/shop.ts';

export interface Page {
  status: number;
  html: string;
  /** What is read: without tags, single spaces. */
  text: string;
  headers: Headers;
  /** Where one has arrived, after redirects. */
  path: string;
}

export type Fields = Record<string, string | string[]>;

export interface Visitor {
  /** Follows nothing but a link: what stands behind '#' is handed over, as the script of the page at /t does it. */
  get(path: string, headers?: Record<string, string>): Promise<Page>;
  /** Fills in the form of `page` that goes to `action` and presses its button; follows where it leads. */
  press(page: Page, action: string, fields?: Fields): Promise<Page>;
  /** Posts without a form, as a program would, and follows nothing. */
  post(path: string, fields?: Fields, headers?: Record<string, string>): Promise<Page>;
  cookies: Map<string, string>;
}

export interface Pages {
  shop: Shop;
  web: Web;
  /** Somebody who is not signed in. */
  nobody(): Visitor;
  /** A colleague who is. */
  as(staff: string): Promise<Visitor>;
  /** How many facts there are in all: whatever changes anything changes this. */
  facts(): Promise<number>;
}

export async function openPages(options: { demo?: boolean; publicUrl?: string } = {}): Promise<Pages> {
  const shop = await openShop();
  const web: Web = {
    heed: shop.db.heed,
    publicUrl: options.publicUrl ?? 'http://localhost',
    temporalUi: () => 'http://temporal.test/namespaces/heed',
    slack: undefined,
    signInService: undefined,
    demo: options.demo
      ? { mailbox: new Hono(), slackRoom: undefined, unread: () => ({ slack: 0, mail: 2 }) }
      : undefined,
    arriving: () => [],
  };
  const app = createApp(web, { rateLimiting: false });
  const nobody = (): Visitor => visitor(app);
  return {
    shop,
    web,
    nobody,
    async as(staff) {
      const someone = nobody();
      const token = await makeLink(shop.db.pool, { kind: 'sign_in', staff });
      await someone.press(await someone.get(linkTo('', token)), '/sign-in/link');
      return someone;
    },
    facts: () => factsIn(shop.db.pool),
  };
}

/** How many facts there are in all. */
export const factsIn = (db: Db): Promise<number> =>
  db.oneFirst(sql.type(z.object({ facts: z.number() }))`
    select (
      (select count(*) from presses) + (select count(*) from loops) + (select count(*) from acknowledgements) + (select count(*) from ownerships)
      + (select count(*) from follow_ups) + (select count(*) from calls) + (select count(*) from decisions) + (select count(*) from withdrawals)
      + (select count(*) from completions) + (select count(*) from confirmations) + (select count(*) from closures) + (select count(*) from reviews)
      + (select count(*) from suppressions) + (select count(*) from vouchings) + (select count(*) from disavowals) + (select count(*) from sessions) + (select count(*) from links)
      + (select count(*) from links where used_at is not null) + (select count(*) from links where revoked_at is not null)
      + (select count(*) from rights) + (select count(*) from erasures) + (select count(*) from deliveries))::integer as facts`);

/** The first link in a letter, or the one that is called so. */
export function linkIn({ text }: { text: string }, label = ''): string {
  const found = new RegExp(`${label}: https://heed\\.test(/t\\S*#[\\w-]{22})$`, 'm').exec(text)?.[1];
  if (!found) throw new Error(`No link ${label} in:\n${text}`);
  return found;
}

function visitor(app: Hono): Visitor {
  const cookies = new Map<string, string>();
  const ask = async (path: string, init: RequestInit = {}): Promise<Page> => {
    const headers = new Headers(init.headers);
    if (cookies.size > 0) headers.set('Cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    const response = await app.request(path, { ...init, headers });
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!;
      if (value === '' || /max-age=0/i.test(set)) cookies.delete(name!);
      else cookies.set(name!, value!);
    }
    const html = await response.text();
    return { status: response.status, html, text: read(html), headers: response.headers, path };
  };
  const post = (path: string, fields: Fields = {}, headers: Record<string, string> = {}): Promise<Page> => {
    const body = new URLSearchParams(
      Object.entries(fields).flatMap(([name, value]) => [value].flat().map((each): [string, string] => [name, each])),
    );
    return ask(path, {
      method: 'POST',
      body: body.toString(),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    });
  };
  const open = async (address: string, headers?: Record<string, string>): Promise<Page> => {
    const [path, token] = address.split('#');
    const page = await ask(path!, headers ? { headers } : {});
    if (!token || !page.html.includes('/assets/entrance.js')) return page;
    const handedTo = path!.replace('/t', '/t/open');
    return post(handedTo, { ...formIn(page.html, handedTo), link: token }, { 'Sec-Fetch-Site': 'same-origin' });
  };
  return {
    cookies,
    get: open,
    post,
    async press(page, action, fields = {}) {
      const form = formIn(page.html, action);
      const answer = await post(action, { ...form, ...fields }, { 'Sec-Fetch-Site': 'same-origin' });
      const to = answer.headers.get('Location');
      return to ? open(to) : answer;
    },
  };
}

/** What the form would send if nothing were typed. */
export function formIn(html: string, action: string): Fields {
  const forms = [...html.matchAll(/<form\b[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/gs)];
  const form = forms.find(([, to]) => unescape(to!) === action)?.[2];
  if (form === undefined)
    throw new Error(`No form goes to ${action}; there are: ${forms.map(([, to]) => to).join(', ')}`);
  const fields: Fields = {};
  const add = (name: string, value: string): void => {
    fields[name] = name in fields ? [...[fields[name]!].flat(), value] : value;
  };
  for (const [input] of form.matchAll(/<input\b[^>]*>/gs)) {
    const [name, type] = [attribute(input, 'name'), attribute(input, 'type')];
    if (!name || ((type === 'radio' || type === 'checkbox') && !/\bchecked\b/.test(input))) continue;
    add(name, attribute(input, 'value') ?? '');
  }
  for (const [, tag, value] of form.matchAll(/<textarea\b([^>]*)>(.*?)<\/textarea>/gs))
    add(attribute(tag!, 'name')!, unescape(value!.replace(/^\n/, '')));
  for (const [, tag, options] of form.matchAll(/<select\b([^>]*)>(.*?)<\/select>/gs)) {
    const chosen = /<option\b[^>]*\bselected\b[^>]*>/s.exec(options!) ?? /<option\b[^>]*>/s.exec(options!);
    add(attribute(tag!, 'name')!, attribute(chosen?.[0] ?? '', 'value') ?? '');
  }
  return fields;
}

const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescape(value);
};

const unescape = (html: string): string =>
  html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

const read = (html: string): string =>
  unescape(
    html
      .replace(/<(script|style|noscript)\b.*?<\/\1>/gs, ' ')
      .replace(/<[^>]+>/g, ' ')
      .replace(/\s+/g, ' '),
  ).trim();
