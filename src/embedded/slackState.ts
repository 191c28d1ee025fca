import { createHash, randomBytes } from 'node:crypto';
import { elementsOf } from './slackBlocks.ts';
import type { Attachment, Block } from './slackBlocks.ts';
import type { Person, Values } from './slackFields.ts';
import type { Journal } from './journal.ts';

/** One message in somebody's direct messages. `email` is theirs; `ts` names it within `channel` and is also its time in seconds. */
export interface RoomMessage {
  ts: string;
  channel: string;
  email: string;
  text: string;
  blocks: Block[];
  attachments: Attachment[];
  metadata: { event_type: string; event_payload: Record<string, unknown> } | undefined;
  threadTs: string | undefined;
  /** A thread reply that is shown among the messages, too. */
  broadcast: boolean;
  edited: string | undefined;
  deleted: boolean;
  ephemeral: boolean;
}

/** A modal somebody has before them, as Slack describes views, with what they typed and what is wrong with it (by block). */
export interface RoomView {
  id: string;
  hash: string;
  email: string;
  userId: string;
  rootId: string;
  previousId: string | null;
  given: Record<string, unknown>;
  blocks: Block[];
  values: Values;
  errors: Record<string, string>;
}

/** A line of the journal: a person who was seen, a message as it is from now on, or how far a channel has been read. */
export type RoomEntry = { person: Person } | { message: RoomMessage } | { channel: string; readTo: string };

export const team = { id: 'T0HEEDDEMO', name: 'Demonstration', domain: 'demonstration' } as const;
export const bot = { userId: 'U0HEEDBOT0', botId: 'B0HEEDBOT0', appId: 'A0HEEDAPP0', name: 'Heed' } as const;

/** Slack's refusal of a call. The message is Slack's own code for it; `details` say where in blocks or view the trouble is. */
export class Refused extends Error {
  readonly details: string[];
  constructor(code: string, details: string[] = []) {
    super(code);
    this.details = details;
  }
}

/** Who is there, what was said to them and what is open before them. Messages and people survive a restart; open modals do not. */
export class RoomState {
  readonly people = new Map<string, Person>();
  readonly messages: RoomMessage[] = [];
  /** Open modals of a person, the topmost last. */
  readonly views = new Map<string, RoomView[]>();
  /** What went wrong with a person's last press, until the next one. */
  readonly notices = new Map<string, string>();
  readonly listeners = new Set<() => void>();
  #readTo = new Map<string, string>();
  #lastTs = 0;
  #changes = 0;
  #bootId = randomBytes(4).toString('hex');
  #journal: Journal<RoomEntry>;
  #forgetting: NodeJS.Timeout | undefined;

  constructor(entries: RoomEntry[], journal: Journal<RoomEntry>) {
    this.#journal = journal;
    for (const entry of entries) {
      if ('person' in entry) this.people.set(entry.person.id, entry.person);
      else if ('message' in entry) this.#put(entry.message);
      else this.#readTo.set(entry.channel, entry.readTo);
    }
  }

  get version(): string {
    return `${this.#bootId}.${this.#changes}`;
  }

  changed(): void {
    this.#changes += 1;
    for (const listener of this.listeners) listener();
  }

  /** Everybody with an address is a member, unless said otherwise. Without a name they are called by what stands before the @. */
  async personOf(address: string, name?: string, standing?: Person['standing']): Promise<Person> {
    const email = address.trim().toLowerCase();
    const id = `U${fingerprint(email)}`;
    const known = this.people.get(id);
    if (known && (name === undefined || (known.name === name && known.standing === standing))) return known;
    const person: Person = { id, email, name: name ?? nameIn(email), ...(standing && { standing }) };
    this.people.set(id, person);
    await this.#journal.append({ person });
    return person;
  }

  /** The person a user or channel id, or an address, stands for. Only an address makes a new one. */
  async find(who: string): Promise<Person | undefined> {
    return who.includes('@') ? this.personOf(who) : this.people.get(who.replace(/^D/, 'U'));
  }

  nameOf = (userId: string): string => this.people.get(userId)?.name ?? (userId === bot.userId ? bot.name : userId);

  message(channel: string, ts: string): RoomMessage | undefined {
    return this.messages.find((one) => one.channel === channel && one.ts === ts && !one.deleted);
  }

  /** Times in seconds with six digits, each later than the one before: they are Slack's ids, too. */
  nextTs(): string {
    this.#lastTs = Math.max(Date.now() * 1000, this.#lastTs + 1);
    return `${Math.floor(this.#lastTs / 1e6)}.${String(this.#lastTs % 1e6).padStart(6, '0')}`;
  }

  /** Keeps a new or changed message; on disk when this resolves. What only one person sees for a moment isn't kept. */
  async keep(message: RoomMessage): Promise<void> {
    if (!message.ephemeral) await this.#journal.append({ message });
    this.#put(message);
    this.changed();
    if (message.edited) this.#forgetSoon();
  }

  /** Takes a message away, from the disk too; rejects, and keeps it, when the disk won't. */
  async remove(message: RoomMessage): Promise<void> {
    this.#put({ ...message, deleted: true, text: '', blocks: [], attachments: [], metadata: undefined });
    try {
      await this.forget();
    } catch (error) {
      // It would be back after a restart, so it stands here, too, and is asked for again.
      this.#put(message);
      throw error;
    } finally {
      this.changed();
    }
  }

  /** Nothing of what was deleted, or stood there before an edit, is on disk when this resolves. */
  async forget(): Promise<void> {
    clearTimeout(this.#forgetting);
    this.#forgetting = undefined;
    await this.#journal.rewrite(() => [
      ...[...this.people.values()].map((person) => ({ person })),
      ...this.messages.filter(({ ephemeral }) => !ephemeral).map((message) => ({ message })),
      ...[...this.#readTo].map(([channel, readTo]) => ({ channel, readTo })),
    ]);
  }

  /** Cards are edited again and again: their former texts go together, half a minute later at most. */
  #forgetSoon(): void {
    this.#forgetting ??= setTimeout(() => void this.forget().catch(() => {}), 30_000).unref();
  }

  async markRead(channel: string): Promise<void> {
    if (this.unread(channel) === 0) return;
    const readTo = this.messages.findLast((message) => message.channel === channel)?.ts ?? '0';
    this.#readTo.set(channel, readTo);
    this.changed();
    await this.#journal.append({ channel, readTo });
  }

  unread(channel?: string): number {
    return this.messages.filter(
      (message) =>
        !message.deleted &&
        (channel === undefined || message.channel === channel) &&
        message.ts > (this.#readTo.get(message.channel) ?? ''),
    ).length;
  }

  view(id: string): RoomView | undefined {
    return [...this.views.values()].flat().find((view) => view.id === id);
  }

  #put(message: RoomMessage): void {
    const at = this.messages.findIndex(({ channel, ts }) => channel === message.channel && ts === message.ts);
    if (at >= 0) this.messages[at] = message;
    else this.messages.push(message);
    this.#lastTs = Math.max(this.#lastTs, Number(message.ts.replace('.', '')));
  }
}

export const channelOf = (person: Person): string => person.id.replace(/^U/, 'D');

/** Slack names every block and every element that the app left without a name. */
export function named(blocks: Block[]): Block[] {
  const copies = structuredClone(blocks);
  for (const block of copies) block.block_id ??= randomBytes(3).toString('base64url');
  for (const { element } of elementsOf(copies)) element.action_id ??= randomBytes(3).toString('base64url');
  return copies;
}

/** An argument that has to be a text, a number or a switch; '' for everything else. */
export const plainText = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

const fingerprint = (email: string) => createHash('sha256').update(email).digest('hex').slice(0, 10).toUpperCase();

const nameIn = (email: string) =>
  (email.split('@')[0] ?? email)
    .split(/[._+-]+/)
    .filter(Boolean)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');
