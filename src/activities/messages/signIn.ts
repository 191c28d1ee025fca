/** The way in for staff: a link that works once, for ten minutes, in the browser that asked for it or with the code that it shows. */

import { linkTo } from '../../domain/links.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { makeLinkOf, signInLinkMs } from '../../store/records/links.ts';
import { left, senderAt, type Composed, type Composing } from './composing.ts';
import { drawMail } from './mail.ts';

export async function signIn({ db, company, publicUrl }: Composing, delivery: Delivery): Promise<Composed> {
  const made = await makeLinkOf(db, {
    kind: 'sign_in',
    staff: delivery.staff!,
    deliveryId: delivery.id,
    expiresAt: new Date(delivery.now.getTime() + signInLinkMs),
  });
  if (!made) return left;
  const { token, person } = made;
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
