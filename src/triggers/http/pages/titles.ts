/** What an insight is called on pages. */

import type { Company } from '../../../domain/company.ts';
import { insightTitle } from '../../../domain/sameness.ts';

/** "coat · green · 42", or what kind of remark it is. */
export function titleOf(
  company: Company,
  { kind, attributes: { item, ...attributes } }: { kind: string; attributes: Record<string, string> },
): string {
  return insightTitle(company, { kind, ...(item && { item }), attributes });
}
