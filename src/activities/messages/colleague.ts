/** A message to one of us that asks for nothing: by e-mail or in Slack, as they prefer. */

import { mrkdwn, plainText, quotation } from '../../integrations/slack.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { staffByCode } from '../../store/records/staff.ts';
import { left, senderAt, type Composed, type Composing } from './composing.ts';
import { drawMail, type Part } from './mail.ts';

export interface ToColleague {
  subject: string;
  parts: Part[];
  link?: { label: string; url: string };
  colour: string;
}

export async function toColleague(
  { db, company }: Composing,
  delivery: Delivery,
  { subject, parts, link, colour }: ToColleague,
): Promise<Composed> {
  const person = delivery.staff ? await staffByCode(db, delivery.staff) : null;
  if (!person) return left;
  if (delivery.channel === 'slack') {
    return {
      slack: {
        to: person.slack_id ?? person.email,
        text: mrkdwn(subject),
        colour,
        blocks: [heading(subject), ...parts.flatMap(asBlock), ...(link ? [linkTo(link)] : [])],
      },
    };
  }
  return {
    letter: {
      messageId: delivery.message_id,
      from: senderAt(company),
      to: person.email,
      subject,
      ...(await drawMail({
        subject,
        parts: [...parts, ...(link ? [{ links: [link] }] : [])],
        foot: [{ aside: company.name }],
      })),
    },
  };
}

const heading = (text: string): object => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text, style: { bold: true } }] }],
});

function asBlock(part: Part): object[] {
  if ('words' in part) return [quotation(part.words)];
  if ('text' in part) return [{ type: 'section', text: plainText(part.text, 2000) }];
  return [];
}

const linkTo = ({ label, url }: { label: string; url: string }): object => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_section', elements: [{ type: 'link', url, text: label }] }],
});
