/** Rows that more than one statement returns. Made once, as each schema of a row is: making one takes three hundred times as long as using it. */

import { z } from 'zod';

export const CountRow = z.object({ count: z.number() });
export const FoundRow = z.object({ found: z.boolean() });
export const IdRow = z.object({ id: z.string() });
export const NormalisedRow = z.object({ normalised: z.string() });
export const NowRow = z.object({ now: z.date() });
export const ReferenceRow = z.object({ reference: z.string() });
export const SignalIdRow = z.object({ signal_id: z.string() });
export const StaffRow = z.object({ staff: z.string() });
