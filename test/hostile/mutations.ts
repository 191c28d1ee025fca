/** Valid shapes, made from a JSON schema, and what becomes of them on the way to us. */

import type { Dice } from './dice.ts';

export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

/** Values that mean something here, by the name of the field. */
export type Known = Record<string, readonly unknown[]>;

/** A value the schema allows; fields with a name we know hold what is really there. */
export function valid(dice: Dice, schema: Schema, known: Known, name = ''): unknown {
  if (known[name] && dice.often(90)) return dice.pick(known[name]);
  if (schema.enum) return dice.pick(schema.enum);
  if (schema.anyOf) return valid(dice, dice.pick(schema.anyOf), known, name);
  switch (schema.type) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {})
        .filter(([field]) => schema.required?.includes(field) || dice.often(35))
        .map(([field, inner]) => [field, valid(dice, inner, known, field)]);
      const more =
        typeof schema.additionalProperties === 'object' && dice.often(60)
          ? [[dice.pick(['colour', 'size', dice.words()]), valid(dice, schema.additionalProperties, known)]]
          : [];
      return Object.fromEntries([...fields, ...more]);
    }
    case 'array':
      return Array.from({ length: dice.below(3) }, () => valid(dice, schema.items ?? {}, known, name));
    case 'integer':
    case 'number':
      return (schema.minimum ?? 0) + dice.below(100);
    case 'boolean':
      return dice.often(50);
    case 'string':
      if (schema.format === 'uuid') return dice.uuid();
      if (schema.format === 'date-time') return dice.pick(moments);
      return fitting(dice, dice.words(), schema.maxLength);
    default:
      return dice.value();
  }
}

/** With what programs write where they have no time, and with what no calendar holds. */
const moments = [
  '2026-06-12T15:20:00Z',
  '2099-01-01T00:00:00+02:00',
  '1970-01-01T00:00:00Z',
  '0001-01-01T00:00:00+01:00',
  '9999-12-31T23:59:59-12:00',
];

/** Mostly what the schema takes of it. */
function fitting(dice: Dice, words: string, most = Infinity): string {
  if (dice.often(5)) return words;
  const kept = Array.from(words.toWellFormed().replaceAll('\0', ''))
    .slice(0, Math.min(most, 5000))
    .join('')
    .slice(0, most);
  return kept.toWellFormed().trim() === '' ? 'x' : kept.toWellFormed();
}

/** One place in it is no longer what it was. */
export function mutated(dice: Dice, value: unknown): unknown {
  const copy = structuredClone(value);
  if (typeof copy !== 'object' || copy === null) return dice.value();
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const walk = (holder: Record<string, unknown>): void => {
    for (const key of Object.keys(holder)) {
      places.push([holder, key]);
      const inner = holder[key];
      if (typeof inner === 'object' && inner !== null) walk(inner as Record<string, unknown>);
    }
  };
  walk(copy as Record<string, unknown>);
  const [holder, key] = places.length > 0 ? dice.pick(places) : [copy as Record<string, unknown>, 'words'];
  switch (dice.below(6)) {
    case 0:
      delete holder[key];
      break;
    case 1:
      holder[key] = dice.value();
      break;
    case 2:
      holder[key] = [holder[key]];
      break;
    case 3:
      // As JSON.parse would make it: a field of its own, not the prototype.
      Object.defineProperty(holder, dice.pick(['__proto__', 'constructor', 'prototype', dice.words()]), {
        value: { polluted: true, admin: true, scopes: ['*'] },
        enumerable: true,
        configurable: true,
        writable: true,
      });
      break;
    case 4:
      for (let n = dice.below(300); n > 0; n--) holder[`more${n}`] = n;
      break;
    default:
      holder[key] = dice.words();
  }
  return copy;
}

/** Bytes cut, turned, doubled or slipped in. */
export function garbled(dice: Dice, bytes: Buffer): Buffer {
  const at = dice.below(bytes.length + 1);
  switch (dice.below(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), dice.bytes(8), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    case 3:
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
    case 4:
      return dice.bytes(200);
    default: {
      const turned = Buffer.from(bytes);
      for (let n = 1 + dice.below(4); n > 0 && turned.length > 0; n--)
        turned[dice.below(turned.length)] = dice.below(256);
      return turned;
    }
  }
}
