/** "See or erase what we hold about you": a link by mail, so that only whoever reads that mailbox can, for an hour. */

import { linkTo } from '../../domain/links.ts';
import { makeLink } from '../../store/records/links.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { customerOf } from '../../store/records/customers.ts';
import { cancelled, senderAt, type Composed, type Composing } from './composing.ts';
import { drawMail } from './mail.ts';

const livesMs = 3_600_000;

export async function rights({ db, company, publicUrl }: Composing, delivery: Delivery): Promise<Composed> {
  const customer = delivery.customer_id ? await customerOf(db, delivery.customer_id) : null;
  if (!customer?.email) return cancelled('no_address');
  const token = await makeLink(db, {
    kind: 'rights',
    customerId: customer.id,
    deliveryId: delivery.id,
    expiresAt: new Date(delivery.now.getTime() + livesMs),
  });
  const subject = `What ${company.name} holds about you`;
  return {
    letter: {
      messageId: delivery.message_id,
      from: senderAt(company),
      to: customer.email,
      subject,
      ...(await drawMail({
        subject,
        parts: [
          { text: 'You asked to see, or to erase, what we hold about you. This opens it, for one hour.' },
          { links: [{ label: 'See or erase it', url: linkTo(publicUrl, token) }] },
        ],
        foot: [
          { aside: company.customers.postal },
          { aside: 'You did not ask for this? Then leave it alone, and nothing happens.' },
        ],
      })),
    },
  };
}
