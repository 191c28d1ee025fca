/** Who presses: a live account of ours behind a member of our own workspace. */

import { DomainError } from '../../domain/errors.ts';
import { keepSlackId, staffByEmail, staffBySlackId, type StaffRow } from '../../store/records/staff.ts';
import type { SlackDoor, Web } from '../http/web.ts';
import type { Interaction } from './interaction.ts';
import { within } from './patience.ts';

/** Throws `service_unavailable` when Slack does not say who it is. Null for a stranger: a guest, somebody of another workspace, one who has left
 *  Slack, or one who is not on the staff (any more). Asked at every press: whom we knew once may have gone since. */
export async function personBehind(
  { heed }: Web,
  door: SlackDoor,
  { team, user }: Exclude<Interaction, 'other'>,
): Promise<StaffRow | null> {
  if (user.team_id !== undefined && user.team_id !== team.id) return null;
  const [workspace, email] = await within(1500, Promise.all([door.workspace(), door.emailOf(user.id)])).catch(() => {
    throw new DomainError(
      'service_unavailable',
      'Slack could not tell us who you are just now. Press again in a moment.',
    );
  });
  if (team.id !== workspace || !email) return null;
  const known = await staffBySlackId(heed.pool, user.id);
  if (known) return known;
  const person = await staffByEmail(heed.pool, email);
  return person && (await keepSlackId(heed.pool, person, user.id)) ? person : null;
}
