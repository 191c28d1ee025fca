/** The way in for staff: a link that works once, for ten minutes, in the browser that asked for it or with the code that it shows. */

import { linkTo } from '../../domain/links.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { makeLink, signInLinkMs } from '../../store/records/links.ts';
import { staffByCode } from '../../store/records/staff.ts';
import { left, senderAt, type Composed, type Composing } from './composing.ts';
import { drawMail } from './mail.ts';

export async function signIn({ db, company, publicUrl }: Composing, delivery: Delivery): Promise<Composed> {
  const person = delivery.staff ? await staffByCode(db, delivery.staff) : null;
  if (!person) return left;
  const token = await makeLink(db, {
    kind: 'sign_in',
    staff: person.code,
    deliveryId: delivery.id,
    expiresAt: new Date(delivery.now.getTime() + signInLinkMs),
  });
  const subject = `Sign in at ${company.name}`;
  return {
    letter: {
      messageId: delivery.message_id,
      from: senderAt(company),
      to: person.email,
      subject,
      ...(await drawMail({
        subject,
        parts: [
          {
            text: `Hello ${person.name},\n\nthis signs you in. It works once, for ten minutes. Open it where you asked for it; anywhere else it asks for the code that is shown there.`,
          },
          { links: [{ label: 'Sign in', url: linkTo(publicUrl, token) }] },
        ],
        foot: [
          { aside: 'You did not ask for this? Then leave it alone, and nothing happens.' },
          { aside: company.name },
        ],
      })),
    },
  };
}
