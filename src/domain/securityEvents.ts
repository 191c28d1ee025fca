/** What the collector of security events is told: by which name, in which words, and with what. Ids and codes only: colleagues by their code,
 *  customers by their id, nothing that anybody typed. */

export const securityEventNames = {
  'heed.session.begun': 'Somebody signed in.',
  'heed.session.ended': 'A session ended.',
  'heed.door.act': 'Somebody handed out a link to sign in, or ended where a colleague is signed in.',
  'heed.api_key.made': 'A key of the API was made.',
  'heed.api_key.revoked': 'A key of the API was revoked.',
  'heed.refusals': 'Somebody was turned away, so often within the minute.',
  'heed.binding.made': 'Somebody is known by an account of the sign-in service.',
  'heed.binding.freed': 'Somebody is known by that account no more.',
  'heed.company.applied': 'A company file was applied.',
  'heed.right.exercised': 'A right of a person was used.',
  'heed.repair.made': 'Something was put right by hand.',
  'heed.sending.ordered': 'Sending was stopped, or let go on.',
  'heed.database.restored': 'The database was put back to an earlier moment.',
  'heed.chain.head': 'The head of the chain of facts.',
} as const;
export type SecurityEventName = keyof typeof securityEventNames;

export type AttributeValue = string | number | boolean | string[];

export interface SecurityEvent {
  name: SecurityEventName;
  /** Two with the same one are one that was sent twice. */
  uid: string;
  /** When it happened; of refusals the beginning of their minute. */
  at: Date;
  attributes: Record<string, AttributeValue>;
}
