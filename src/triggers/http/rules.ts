/** Who may knock at each door. A route that stands in no line here is not there: it answers 404, and the test that goes through all of them fails. */

import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { DomainError } from '../../domain/errors.ts';
import type { Scope } from '../../store/records/apiKeys.ts';
import type { Link } from '../../store/records/links.ts';

/**
 * Anyone; whoever carries a key with this scope; a colleague who is signed in; whoever holds a link of this kind, or of any; Slack, by its
 * signature; or the demonstration alone, on this machine. `about`: one signal or insight, which is not there (404) for those who do not see its
 * place. What a list or a report holds is of the places of whoever asks.
 */
export type Rule =
  | { for: 'anyone' }
  | { for: 'key'; scope: Scope; about?: 'signal' | 'insight' }
  | { for: 'colleague'; about?: 'signal' | 'insight'; leading?: true }
  | { for: 'link'; kind: Link['kind'] | 'any' }
  | { for: 'slack' }
  | { for: 'demonstration' };

const anyone: Rule = { for: 'anyone' };
const colleague: Rule = { for: 'colleague' };
const leading: Rule = { for: 'colleague', leading: true };
const seeing = (about: 'signal' | 'insight'): Rule => ({ for: 'colleague', about });
const key = (scope: Scope, about?: 'signal' | 'insight'): Rule => ({ for: 'key', scope, ...(about && { about }) });
const link = (kind: Link['kind'] | 'any'): Rule => ({ for: 'link', kind });

/** By method and pattern, as they are registered. */
export const rules: Record<string, Rule> = {
  // Codes and counts, what the API is like, and files that are the same for everybody.
  'GET /health': anyone,
  'GET /health/ready': anyone,
  'GET /health/engine': anyone,
  'GET /metrics': anyone,
  'GET /openapi.json': anyone,
  'GET /openapi.yaml': anyone,
  'GET /docs': anyone,
  'GET /docs/start.js': anyone,
  'GET /docs/swagger-ui.css': anyone,
  'GET /docs/swagger-ui-bundle.js': anyone,
  'GET /assets/app.css': anyone,
  'GET /assets/icon.svg': anyone,
  'GET /assets/live.js': anyone,
  'GET /assets/capture.js': anyone,
  'GET /assets/tasks.js': anyone,
  'GET /assets/entrance.js': anyone,

  // The way in and out. Where it may lead, the cookie or the sign-in service decides.
  'GET /': anyone,
  'GET /start': anyone,
  'GET /sign-in': anyone,
  'POST /sign-in': anyone,
  'POST /sign-in/link': link('sign_in'),
  'GET /oidc': anyone,
  'GET /oidc/return': anyone,
  'POST /sign-out': anyone,

  'GET /sessions': colleague,
  'POST /sessions/end': colleague,
  'GET /capture': colleague,
  'POST /capture': colleague,
  'POST /capture/reading': colleague,
  'GET /tasks': colleague,
  'GET /mine': colleague,
  'GET /signals/:id': seeing('signal'),
  'POST /signals/:id/:verb': seeing('signal'),
  'GET /insights': colleague,
  'GET /insights/:id': seeing('insight'),
  'POST /insights/:id/:verb': seeing('insight'),
  'GET /loop': leading,
  'GET /loop/:figure': leading,

  // What somebody brings in the body. No page shows anything of anybody by its address alone.
  'GET /t': anyone,
  'POST /t/open': link('any'),
  'POST /t/:verb': link('task'),
  'POST /yours/say': link('yours'),
  'POST /yours/stop': link('yours'),
  'POST /yours/rights': link('yours'),
  'POST /rights/export': link('rights'),
  'POST /rights/erase': link('rights'),
  'POST /not-me': link('not_me'),
  'POST /unsubscribe': link('unsubscribe'),
  // By the address alone, letters are stopped: RFC 8058.
  'GET /unsubscribe/:token': link('unsubscribe'),
  'POST /unsubscribe/:token': link('unsubscribe'),
  // As links once were: each leads to where they are now, whatever stands in it.
  'GET /t/:token': anyone,
  'GET /yours/:token': anyone,
  'GET /rights/:token': anyone,
  'GET /not-me/:token': anyone,
  'GET /sign-in/:token': anyone,
  // And as presses once were: nothing is done, and what was typed is given back.
  'POST /t/:token/:verb': anyone,
  'POST /yours/:token/:verb': anyone,
  'POST /rights/:token/:verb': anyone,
  'POST /not-me/:token': anyone,
  'POST /sign-in/:token': anyone,

  'POST /v1/signals': key('capture'),
  'GET /v1/signals': key('read'),
  'GET /v1/signals/:id': key('read', 'signal'),
  'POST /v1/signals/:id/acknowledgement': key('respond', 'signal'),
  'POST /v1/signals/:id/handover': key('respond', 'signal'),
  'POST /v1/signals/:id/review': key('respond', 'signal'),
  'POST /v1/signals/:id/dismissal': key('respond', 'signal'),
  'POST /v1/signals/:id/follow-up': key('respond', 'signal'),
  'POST /v1/signals/:id/call': key('respond', 'signal'),
  'POST /v1/signals/:id/repair': key('respond', 'signal'),
  'POST /v1/signals/:id/confirmation': key('respond', 'signal'),
  'GET /v1/insights': key('read'),
  'GET /v1/insights/:id': key('read', 'insight'),
  'POST /v1/insights/:id/acknowledgement': key('respond', 'insight'),
  'POST /v1/insights/:id/handover': key('respond', 'insight'),
  'POST /v1/insights/:id/decision': key('respond', 'insight'),
  'POST /v1/insights/:id/withdrawal': key('respond', 'insight'),
  'POST /v1/insights/:id/completion': key('respond', 'insight'),
  'GET /v1/reports/loop': key('read'),

  'POST /slack/interactions': { for: 'slack' },

  'POST /dev/stand-in': { for: 'demonstration' },
};

/** The rule of a route; undefined where nobody gave it one. The embedded mailbox and Slack room are mounted only while they are in use. */
export function ruleOf(method: string, pattern: string): Rule | undefined {
  return /^\/dev\/(mailbox|slack)(\/|$)/.test(pattern) ? { for: 'demonstration' } : rules[`${method} ${pattern}`];
}

/** What requests pass through on their way. Anything else that is there for every method would answer, and has no rule. */
export const passedThrough = ['/*', '/v1/*', '/metrics', '/health/engine'];

/** Whatever would answer must have a rule. */
export const ruled: MiddlewareHandler = (c, next) => {
  const answering = matchedRoutes(c).filter(({ method, path }) => method !== 'ALL' || !passedThrough.includes(path));
  if (answering.some(({ method, path }) => !ruleOf(method, path)))
    throw new DomainError('not_found', 'There is nothing here under that address.');
  return next();
};
