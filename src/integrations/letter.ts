/** What is handed to the outside world, and what it may answer. The ledger in activities/deliver.ts decides on nothing else. */

/** One e-mail to one person. */
export interface Letter {
  /** Fixed per delivery: '<d.…@heed>'. */
  messageId: string;
  from: Correspondent;
  to: string;
  replyTo?: Correspondent;
  subject: string;
  text: string;
  html: string;
  /** One-click unsubscribe (RFC 8058), on every mail to a customer. */
  unsubscribeUrl?: string;
}

export interface Correspondent {
  name: string;
  address: string;
}

/** What a letter is signed with (DKIM): under this selector the domain's DNS holds the public half of the key. */
export interface Signature {
  domain: string;
  selector: string;
  /** RSA, in PEM. */
  privateKey: string;
}

/** One message to one person in Slack, or the edit of one. */
export interface SlackMessage {
  /** Slack's id of the person or, while that is not known, their e-mail address. */
  to: string;
  /** What is read aloud or shown where blocks are not. Read as mrkdwn: see `mrkdwn` in slack.ts. */
  text: string;
  /** The first stands above the coloured bar, the others beside it; none: the text alone. */
  blocks: object[];
  /** Bar beside the message; always said in words too. */
  colour: string;
  /** The message that is edited in place. */
  edit?: { channel: string; ts: string };
  /** The message that this one rings under. */
  under?: { channel: string; ts: string };
  /** Nothing is said: this message is taken away. */
  remove?: { channel: string; ts: string };
}

/** Accepted; or refused, for now or for good. Whoever throws instead does not know (OutsideFailed). */
export type Sent =
  | { accepted: true; ref?: string }
  | {
      accepted: false;
      permanent: boolean;
      code: string;
      againInMs?: number;
      /** Refused for good because there is no such mailbox: no other letter will be taken there either. */
      nobodyThere?: true;
    };

/** For handing one letter over, all of it. RFC 5321 asks to wait ten minutes after the dot: whoever waits less makes copies. The lease of a letter
 *  to a customer outlasts it (activities/deliver.ts), and so does the attempt in Temporal (triggers/relay/relay.ts). */
export const handOverMs = 630_000;

/** A connection that has greeted and signed in: what failed before is definitely not sent. */
export interface PostOffice {
  /** Takes the place of one letter among those in hand; undefined where there is none free. What is returned gives it back, once. */
  takeRoom(): (() => void) | undefined;
  connect(): Promise<{ send(letter: Letter): Promise<Sent>; close(): void }>;
}

export interface Slack {
  /** Slack's id of the member with this address; undefined when there is none. */
  idOf(email: string): Promise<string | undefined>;
  /** One attempt, no silent retries. `ref` is 'channel:ts'. */
  send(message: SlackMessage, deliveryId: string): Promise<Sent>;
  /** Looks for a message that may have been posted: its 'channel:ts', or null on proof of absence. Throws when it could not look. */
  find(to: string, deliveryId: string, since: Date): Promise<string | null>;
}

/** Something outside failed. Carries a code and nothing else: neither what a server said nor whom it was about may go any further. */
export class OutsideFailed extends Error {
  override readonly name = 'OutsideFailed';
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}
