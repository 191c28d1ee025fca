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
  const at =
    error.stack
      ?.split('\n')
      .find((line) => line.includes('/src/'))
      ?.trim() ?? '';
  return `${error.name}${'code' in error ? ` ${String(error.code)}` : ''} ${at}`;
}
