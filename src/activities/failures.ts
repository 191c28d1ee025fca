/** Nothing that was said may enter Temporal, so every error becomes a code there: no message, no cause, no stack. */

import { ApplicationFailure } from '@temporalio/common';
import { DomainError } from '../domain/errors.ts';

type Activity = (...args: never[]) => Promise<unknown>;

/** Wraps each activity. Retryable, unless it is a DomainError: that would fail the same way for ever, and waits for a repair at a slow pace. */
export function inCodes<T extends Record<string, Activity>>(activities: T): T {
  return Object.fromEntries(
    Object.entries(activities).map(([name, activity]) => [
      name,
      async (...args: never[]) => {
        try {
          return await activity(...args);
        } catch (error) {
          throw toFailure(error);
        }
      },
    ]),
  ) as T;
}

function toFailure(error: unknown): ApplicationFailure {
  const code =
    error instanceof DomainError
      ? error.code
      : error instanceof Error && 'code' in error
        ? String(error.code)
        : 'unexpected';
  const failure = ApplicationFailure.create({
    message: /^[\w.]{1,40}$/.test(code) ? code : 'unexpected',
    type: 'heed',
  });
  failure.stack = '';
  failures.report(error);
  return failure;
}

/** Where the real error goes: to our own log, set once by the worker. */
export const failures = { report: (_error: unknown): void => {} };
