/** Who is turned away for what they ask or how often, whoever they are: counted by what they are answered. */

import type { MiddlewareHandler } from 'hono';
import type { ApiKey } from '../../store/records/apiKeys.ts';
import type { Refusal } from '../../store/records/refusals.ts';
import type { Heed } from '../heed.ts';
import { isOpenedByALink } from './security.ts';

/** What fits no shape, and what is too much. Nobody is named for having forgotten a field; of a key it is said, so that its program is mended. */
export function countRefusals({ turnedAway }: Heed): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const why = reasons[c.res.status];
    const key = c.get('key') as ApiKey | undefined;
    if (why) turnedAway.count({ door: doorOf(c.req.path), why, whose: key?.id });
  };
}

const reasons: Record<number, Refusal['why']> = { 400: 'unfit', 413: 'unfit', 415: 'unfit', 429: 'too_much' };

/** The door that an address belongs to. */
export function doorOf(path: string): Refusal['door'] {
  if (/^\/v1(\/|$)/.test(path)) return 'api';
  if (/^\/slack(\/|$)/.test(path)) return 'slack';
  if (/^\/(sign-in|oidc)(\/|$)/.test(path)) return 'sign_in';
  if (/^\/(metrics|health)(\/|$)/.test(path)) return 'metrics';
  return isOpenedByALink(path) ? 'link' : 'page';
}
