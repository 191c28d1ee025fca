/** A first wording for the answer: from the customer's words, who heard them, and what was done. A person changes it and puts their name to it. */

import { z } from 'zod';
import type { Company, TemplateName } from '../../domain/company.ts';
import { longDate } from '../../domain/longDate.ts';
import { insightTitle } from '../../domain/sameness.ts';
import { extract, quotingOf, renderTemplate } from '../../domain/template.ts';
import { customerOf } from '../../store/records/customers.ts';
import { wordsOf } from '../../store/records/signals.ts';
import { sql, type Db } from '../../store/pool.ts';
import type { SignalNow } from '../../store/views/signals.ts';

export interface Draft {
  subject: string;
  text: string;
}

/** The draft of this round's answer, signed by `by`. `promiseOn` (YYYY-MM-DD) is written out as a weekday and date. */
export async function draftAnswer(
  db: Db,
  { company }: { company: Company },
  signal: SignalNow,
  by: string,
  promiseOn?: string,
): Promise<Draft> {
  const name: TemplateName =
    signal.reach === 'phone'
      ? 'call.answer'
      : signal.round > 1
        ? 'answer.again'
        : signal.course
          ? `answer.${signal.course}`
          : 'answer.answer';
  const said = await wordsOf(db, signal.id);
  const customer = signal.customer_id ? await customerOf(db, signal.customer_id) : null;
  const insight = signal.insight_id ? await decisionBehind(db, signal.insight_id) : null;
  const { item, ...attributes } = said?.attributes ?? {};
  const fields: Record<string, string | undefined> = {
    company: company.name,
    place: company.places[signal.place]?.name ?? signal.place,
    reference: signal.reference,
    capturer_name: signal.captured_by ? (company.staff[signal.captured_by]?.name ?? '') : '',
    customer_name: customer?.name ?? undefined,
    words: said
      ? extract(said.words, quotingOf(company, { place: signal.place, kind: signal.kind ?? undefined }))
      : undefined,
    item:
      item || Object.keys(attributes).length
        ? insightTitle(company, { kind: signal.kind ?? '', ...(item && { item }), attributes })
        : undefined,
    signer_name: company.staff[by]?.name ?? by,
    signer_title: company.staff[by]?.title ?? '',
    promise_date: promiseOn ? longDate(promiseOn) : undefined,
    people: insight ? String(insight.people) : undefined,
    decider_name: insight ? company.staff[insight.decider]?.name : undefined,
    decider_title: insight ? company.staff[insight.decider]?.title : undefined,
    decision_reason: insight?.reason ?? '',
  };
  return renderTemplate(company.templates[name], present(fields));
}

const Behind = z.object({
  people: z.number(),
  decider: z.string(),
  outcome: z.string().nullable(),
  reason: z.string().nullable(),
});

function decisionBehind(db: Db, insightId: string): Promise<z.infer<typeof Behind> | null> {
  return db.maybeOne(
    sql.type(Behind)`select people, decider, outcome, reason from now.insights where id = ${insightId}`,
  );
}

const present = (fields: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
