/** How a point in time is written by whoever asks something of us. */

import { z } from 'zod';
import { isInReach, reachOfYears } from '../domain/inReach.ts';

/** ISO 8601 with its offset, in a year that anybody can mean; `example` is shown where it is something else. */
export const writtenMoment = (example: string) =>
  z.iso
    .datetime({ offset: true, error: `must be a time like ${example}` })
    .refine(isInReach, `must be ${reachOfYears}`);
