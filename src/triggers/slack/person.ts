/** Who presses: a live account of ours behind a member of our own workspace. */

import { DomainError } from '../../domain/errors.ts';
import { keepSlackId, staffByEmail, staffBySlackId, type StaffRow } from '../../store/records/staff.ts';
import type { SlackDoor, Web } from '../http/web.ts';
import type { Interaction } from './interaction.ts';
import { within } from './patience.ts';

/** Throws `service_unavailable` when Slack does not say who it is. Null for a stranger: a guest of another workspace, somebody Slack does not know by address, or one who is not on the staff (any more). */
export async function personBehind(
  { heed }: Web,
  door: SlackDoor,
  { team, user }: Exclude<Interaction, 'other'>,
): Promise<StaffRow | null> {
  if (user.team_id !== undefined && user.team_id !== team.id) return null;
  const known = await staffBySlackId(heed.pool, user.id);
  if (known) return known;
  const email = await within(1500, door.emailOf(user.id)).catch(() => {
    throw new DomainError(
      'service_unavailable',
      'Slack could not tell us who you are just now. Press again in a moment.',
    );
  });
  const person = email ? await staffByEmail(heed.pool, email) : null;
  if (person) await keepSlackId(heed.pool, person.code, user.id);
  return person;
}
