/** Who may see and act. Said once for pages, API, Slack and links. */

import type { Company } from './company.ts';

/** Somebody sees what was captured at their places; the executive sees everything. */
export function maySeePlace(company: Company, staff: string, place: string): boolean {
  const person = company.staff[staff];
  return (
    person !== undefined && (person.places === 'all' || person.places.includes(place) || company.executive === staff)
  );
}

/** Somebody acts on a signal who answers for it, whom its ladder has told, or who runs or works at its place. */
export function mayActOnSignal(
  company: Company,
  staff: string,
  signal: { place: string; owner: string; told: readonly string[] },
): boolean {
  return (
    company.staff[staff] !== undefined &&
    (signal.owner === staff || signal.told.includes(staff) || maySeePlace(company, staff, signal.place))
  );
}

/** A decision is taken by its decider, by whoever the ladder has told, by the decider's lead, or by the executive. */
export function mayDecide(
  company: Company,
  staff: string,
  insight: { decider: string; told: readonly string[] },
): boolean {
  if (!company.staff[staff]) return false;
  return (
    insight.decider === staff ||
    insight.told.includes(staff) ||
    company.staff[insight.decider]?.lead === staff ||
    company.executive === staff
  );
}
