/** What became of a signal, to the colleague who captured it. */

import type { SignalNow } from '../../store/views/signals.ts';
import { planDelivery } from '../../store/records/deliveries.ts';
import type { Moment } from './respond.ts';

/** Plans one message to the capturer. Nobody is told of what they did themselves. */
export async function tellCapturer(
  moment: Pick<Moment, 'tx' | 'company' | 'by'>,
  signal: SignalNow,
  occasion: 'dismissed' | 'settled' | 'not_settled',
): Promise<void> {
  const capturer = signal.captured_by;
  const person = capturer ? moment.company.staff[capturer] : undefined;
  if (!capturer || !person || capturer === moment.by) return;
  const channel = person.prompts;
  await planDelivery(moment.tx, {
    key: `news:${signal.id}:${signal.round}:${occasion}:${capturer}:${channel}`,
    purpose: 'news',
    channel,
    loopId: signal.id,
    round: signal.round,
    staff: capturer,
  });
}
