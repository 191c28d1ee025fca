/** Takes back a message about something that was erased since: in Slack it is deleted; a mail only where the mailbox is ours. */

import type { Delivery } from '../../store/records/deliveries.ts';
import { sentBefore } from '../../store/records/redactions.ts';
import { cancelled, type Composed, type Composing } from './composing.ts';
import { shade } from './card.ts';

export async function redaction({ db }: Composing, delivery: Delivery): Promise<Composed> {
  const sent = delivery.occasion ? await sentBefore(db, delivery.occasion) : null;
  if (!sent) return cancelled('nothing_sent');
  if (delivery.channel === 'email') return { recall: sent.message_id };
  const [channel, ts] = sent.provider_ref?.split(':') ?? [];
  if (!channel || !ts) return cancelled('nothing_sent');
  return { slack: { to: '', text: '', blocks: [], colour: shade.green, remove: { channel, ts } } };
}
