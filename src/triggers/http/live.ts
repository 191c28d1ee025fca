/** Pages that update while they are open: a page asks for itself, naming the version it shows, and is answered 304 until it would look different. */

import { createHash } from 'node:crypto';
import type { Context } from 'hono';

/** Answers with a document, or 304 when the asker shows this very one. Press keys differ with every drawing and say nothing. */
export async function answerLive(c: Context, document: string): Promise<Response> {
  const version = createHash('sha256')
    .update(document.replace(/(name="key" value=")[^"]*/g, '$1'))
    .digest('base64url')
    .slice(0, 22);
  c.header('ETag', `"${version}"`);
  if (c.req.header('If-None-Match') === `"${version}"`) return c.body(null, 304);
  return c.html(document.replace('data-version=""', `data-version="${version}"`));
}
