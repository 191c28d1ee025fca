/** Every capture and every response counts once: the press is written in the same transaction as the fact it makes. */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { IdRow } from '../rows.ts';

/** How one gesture is told from the next: who made it through which door, and the key that door gives it. */
export interface Press {
  /** 'web', 'slack', 'api:<key id>', 'link', 'cli': keys are unique within one source. */
  source: string;
  key: string;
  /** What was sent, byte for byte; the same key with other content is refused. Doors whose content cannot differ leave it out. */
  content?: string;
}

const First = z.object({
  id: z.string(),
  fingerprint: z.instanceof(Buffer).nullable(),
  result: z.record(z.string(), z.unknown()),
});

/** Records a press, or finds the first with the same key. Waits for a twin that is in flight. Throws `idempotency_mismatch` when the
 *  content differs and `gone` when what it made was erased. */
export async function press(
  tx: Tx,
  gesture: Press,
  person: string | null,
): Promise<{ id: string; first?: Record<string, unknown> }> {
  const id = newId();
  const { keyHash, fingerprint } = hashesOf(gesture);
  const fresh = await tx.maybeOne(sql.type(IdRow)`
    insert into presses (id, source, key_hash, fingerprint, person)
    values (${id}, ${gesture.source}, ${sql.binary(keyHash)}, ${sql.binary(fingerprint)}, ${person})
    on conflict (source, key_hash) do nothing
    returning id`);
  return fresh ? { id } : firstPress(tx, gesture);
}

/** The first press with this key, and what it led to. Throws as `press`. */
export async function firstPress(db: Db, gesture: Press): Promise<{ id: string; first: Record<string, unknown> }> {
  const { keyHash, fingerprint } = hashesOf(gesture);
  const first = await db.one(sql.type(First)`
    select id, fingerprint, result from presses where source = ${gesture.source} and key_hash = ${sql.binary(keyHash)}`);
  if (!first.fingerprint)
    throw new DomainError(
      'gone',
      'What this key recorded has been erased. Send it under a new key if it is meant anew.',
    );
  if (!first.fingerprint.equals(fingerprint)) {
    throw new DomainError(
      'idempotency_mismatch',
      'This key was used before with other content. Use a new key for a new request.',
    );
  }
  return { id: first.id, first: first.result };
}

/** What is kept of a press: neither its key nor its content can be read back. */
export const hashesOf = ({ key, content = '' }: Press): { keyHash: Buffer; fingerprint: Buffer } => ({
  keyHash: sha256(key),
  fingerprint: sha256(content),
});

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Keeps what the press led to, so that a repeat is given the same answer. Erasing finds it by its fact, or by the loop where it made none. */
export async function pressed(tx: Tx, id: string, factId: string, result: object): Promise<void> {
  await tx.query(
    sql.unsafe`update presses set fact_id = ${factId}, result = ${sql.jsonb(result as never)} where id = ${id}`,
  );
}
