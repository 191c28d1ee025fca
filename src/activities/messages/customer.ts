/** What every letter to a customer has in common: their own page, a way out, and who writes. */

import { choosing, linkTo } from '../../domain/links.ts';
import { questions } from '../../domain/questions.ts';
import type { Letter } from '../../integrations/letter.ts';
import { bodyOf, type Delivery } from '../../store/records/deliveries.ts';
import { makeLink } from '../../store/records/links.ts';
import { whatWasSaid } from '../../store/views/messages.ts';
import { cancelled, senderAt, type Composed, type Composing } from './composing.ts';
import { drawMail, type Part } from './mail.ts';

export interface ToCustomer {
  /** Makes a link of theirs, as an address. Made anew at each attempt; only its hash is kept. */
  link: (kind: 'yours' | 'not_me') => Promise<string>;
}

/** A letter around the body that was approved. Nothing is sent once the body is erased or there is no way by e-mail any more. */
export async function letterToCustomer(
  composing: Composing,
  delivery: Delivery,
  rest: (to: ToCustomer) => Promise<{ parts: Part[]; signer?: string | undefined }>,
): Promise<Composed> {
  const { db, company, publicUrl } = composing;
  const body = await bodyOf(db, delivery.id);
  if (!body || !delivery.loop_id || !delivery.customer_id) return cancelled('erased');
  const said = await whatWasSaid(db, delivery.loop_id);
  if (said.way !== 'email' || !said.address) return { end: 'suppressed', code: said.why_not ?? 'no_consent' };

  const bound = {
    customerId: delivery.customer_id,
    loopId: delivery.loop_id,
    round: delivery.round ?? 1,
    deliveryId: delivery.id,
  };
  const stopping = await makeLink(db, { ...bound, kind: 'unsubscribe' });
  const { parts, signer } = await rest({
    link: async (kind) => linkTo(publicUrl, await makeLink(db, { ...bound, kind })),
  });
  const person = signer === undefined ? undefined : company.staff[signer];
  const letter: Letter = {
    messageId: delivery.message_id,
    from: person ? { ...senderAt(company), name: `${person.name}, ${company.name}` } : senderAt(company),
    to: said.address,
    ...(person && { replyTo: { name: person.name, address: person.email } }),
    subject: body.subject,
    // A mail program posts to it as it stands, so that its token is in the address.
    unsubscribeUrl: `${publicUrl}/unsubscribe/${stopping}`,
    ...(await drawMail({
      subject: body.subject,
      parts: [{ text: body.body }, ...parts],
      foot: [
        { aside: company.customers.postal },
        { aside: 'We write because of what you told us, and because you agreed to it.' },
        { small: 'Stop writing to me', url: linkTo(publicUrl, stopping) },
      ],
    })),
  };
  return { letter };
}

/** The one question of a round. Either answer leads to their page, where they say it. */
export async function theQuestion({ link }: ToCustomer, asking: keyof typeof questions): Promise<Part[]> {
  const yours = await link('yours');
  return [
    { question: questions[asking] },
    {
      links: [
        { label: 'Yes, thank you', url: choosing(yours, '?says=yes') },
        { label: 'Not really', url: choosing(yours, '?says=no') },
      ],
    },
    { small: 'What became of it', url: yours },
  ];
}

export async function whatBecameOfIt({ link }: ToCustomer): Promise<Part[]> {
  return [{ links: [{ label: 'What became of it', url: await link('yours') }] }];
}
