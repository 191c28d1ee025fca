/** Ids: UUIDv7 (RFC 9562), so that rows made later sort later; and the short references that people say. */

/** A new UUIDv7 from the wall clock and 74 random bits. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const at = BigInt(Date.now());
  for (let i = 0; i < 6; i++) bytes[i] = Number((at >> BigInt(8 * (5 - i))) & 0xffn);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** What people say aloud: HD- and four letters or digits nobody confuses (no 0 O 1 I L). 31⁴ ≈ 900,000; taken ones are drawn again, then longer. */
export function newReference(length = 4): string {
  const alphabet = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
  return `HD-${Array.from(crypto.getRandomValues(new Uint32Array(length)), (n) => alphabet[n % alphabet.length]).join('')}`;
}
