/** JSON lines on standard error, with the field names everyone uses: loop, delivery, code, attempts, request. Nothing personal. */

import { pino, type DestinationStream, type Logger } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

export function openLog(level: string, to: DestinationStream = standardError()): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, to);
}

/** By itself it bears a pipe that nobody reads any more, and no terminal that is gone. */
function standardError(): DestinationStream {
  const destination = pino.destination({ dest: 2, sync: true });
  destination.on('error', () => {});
  return destination;
}

/** Name, code and place in our code of an error. */
export function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return `${error.name}${'code' in error ? ` ${String(error.code)}` : ''} ${frameOf(error)}`;
}

/** The first line of the stack that is ours. A stack begins with the message, which may quote a customer: what stands there is no line of it, whatever
 *  it looks like. */
function frameOf({ message, stack = '' }: Error): string {
  const said = stack.indexOf(message);
  const frames = said < 0 ? stack : stack.slice(said + message.length);
  const ours = frames.split('\n').find((line) => line.startsWith('    at ') && line.includes('/src/'));
  return ours?.trim() ?? '';
}
