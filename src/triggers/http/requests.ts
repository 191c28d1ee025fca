/** How large a request may be and how long it may take. How many, is in rates.ts. */

import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { timeout } from 'hono/timeout';
import { DomainError } from '../../domain/errors.ts';
import { asker } from '../../store/line.ts';

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

/** Whoever hangs up while they wait in line for a connection costs the database nothing. */
export const whileAsked: MiddlewareHandler = (c, next) => {
  const { raw } = c.req;
  return asker.run({ hungUp: () => raw.signal.aborted, begun: false }, next);
};

/** For `http.createServer`: a connection that sends its request a byte at a time is cut. Node looks for such only every half a minute if it is
 *  not told otherwise, and then the two limits mean little. */
export const serverLimits = {
  requestTimeout: 20_000,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * kib,
  /** Whoever takes nothing of their answer for so long is cut, too; longer than any answer is waited for. Not Node's: see `listen`. */
  unreadTimeout: 30_000,
};
