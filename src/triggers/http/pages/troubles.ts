/** What a person reads when a page cannot be had: what happened, what still is possible, and what they typed, to be sent again. */

import type { Context, ErrorHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { DomainError } from '../../../domain/errors.ts';
import { isDatabaseTrouble } from '../../../store/trouble.ts';
import { errorPage, type Trouble } from '../../../web/errorPage.ts';
import { statuses } from '../errors.ts';
import { isOpenedByALink } from '../security.ts';
import { comeBackTo, NotSignedIn } from '../session.ts';
import type { Web } from '../web.ts';
import { frameOf } from './draw.ts';
import { one, readForm, type Form } from './forms.ts';
import { AlreadyCounted } from './links.ts';
import { isId } from './signals.ts';

/** Anything that is our fault is thrown on, to be reported where everything is. */
export function answerTroubles(web: Web): ErrorHandler {
  return async (error, c) => {
    if (error instanceof NotSignedIn) return askWhoItIs(c, web, error.message);
    if (isDatabaseTrouble(error) || (error instanceof DomainError && error.code === 'service_unavailable')) {
      c.header('Retry-After', '5');
      const sentence = isDatabaseTrouble(error)
        ? 'We can’t reach our memory just now, so nothing was recorded and nothing was half-done.'
        : error.message;
      // Without a database there is nobody to look up: the page stands alone.
      return answer(c, { status: 503, sentence, again: await sentBefore(c) }, {});
    }
    if (!(error instanceof DomainError)) throw error;
    const status = statuses[error.code];
    const alone = isOpenedByALink(c.req.path) && c.req.path !== '/sign-in';
    const frame = await frameOf(c, web, { title: '', alone }).catch(() => ({}));
    const isOver = ['gone', 'not_found'].includes(error.code) && !(error instanceof AlreadyCounted);
    const typed = isOver ? await typedInto(c) : [];
    return answer(c, { status, sentence: error.message, alone, typed }, frame);
  };
}

async function answer(c: Context, trouble: Trouble, frame: Parameters<typeof errorPage>[1]): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  return c.html(await errorPage(trouble, frame), trouble.status as ContentfulStatusCode);
}

/** A page is asked for again once they have signed in; a press is not repeated by itself. */
async function askWhoItIs(c: Context, web: Web, sentence: string): Promise<Response> {
  if (c.req.method === 'GET') {
    const { pathname, search } = new URL(c.req.url);
    comeBackTo(c, web, `${pathname}${search}`);
    return c.redirect('/sign-in', 303);
  }
  return answer(c, { status: 401, sentence, again: await sentBefore(c) }, {});
}

/** Free text of a post about something that ended, or came to be somebody else's, while it was being written. */
async function typedInto(c: Context): Promise<string[]> {
  if (c.req.method !== 'POST') return [];
  const form: Form = await readForm(c).catch(() => ({}));
  return ['subject', 'words', 'reason', 'internalReason', 'evidence'].flatMap((name) => {
    const text = one(form, name);
    // Evidence is a sentence where something is done, and ids of what was said where it is decided.
    return text === undefined || isId(text) ? [] : [text];
  });
}

/** The fields of a post, under the same key, so that it counts once. */
async function sentBefore(c: Context): Promise<Trouble['again']> {
  if (c.req.method !== 'POST') return undefined;
  const form = await readForm(c).catch(() => ({}));
  const fields = Object.entries(form).flatMap(([name, value]) =>
    [value].flat().map((each): [string, string] => [name, each as string]),
  );
  const { pathname, search } = new URL(c.req.url);
  return { action: `${pathname}${search}`, fields };
}
