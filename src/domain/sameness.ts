/** When two remarks ask for the same thing, so that they join one insight by themselves. Anything less certain is offered to a person. */

import type { Company } from './company.ts';
import { fold } from './reading.ts';

interface Asked {
  kind: string;
  item?: string;
  /** Normalised (reading.ts). */
  attributes: Record<string, string>;
}

/** In characters. No two people say so much alike, and Postgres takes no key of more than some 2,700 bytes. */
const longestKey = 500;

/** "unmet-demand|coat|colour=green|size=42". Undefined where nothing can be compared: such a signal opens an insight of its own. */
export function samenessKey({ kind, item, attributes }: Asked): string | undefined {
  const given = Object.entries(attributes)
    .map(([name, value]) => [part(name), part(value)] as const)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  const what = item === undefined ? '' : part(item);
  if (what === '' && given.length === 0) return undefined;
  const key = [part(kind), what, ...given].join('|');
  return key.length > longestKey ? undefined : key;
}

/** What an insight is called before somebody names it better: "coat · green · 42", or what kind of remark it is. */
export function insightTitle(company: Company, { kind, item, attributes }: Asked): string {
  const order = Object.keys(company.vocabulary.attributes);
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const values = Object.entries(attributes)
    .sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b))
    .map(([, value]) => value);
  const parts = [item ?? '', ...values].map((value) => value.trim()).filter((value) => value !== '');
  return parts.length > 0 ? parts.join(' · ') : (company.kinds[kind]?.name ?? kind);
}

/** The separators of the key must not come from what people typed. */
function part(text: string): string {
  return fold(text.replace(/[|=]/g, ' '));
}
