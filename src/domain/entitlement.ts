/** Who may see and act. Said once for pages, API, Slack and links. */

import type { Company } from './company.ts';

/** Somebody sees what was captured at their places; the executive sees everything. */
export const maySeePlace = (company: Company, staff: string, place: string): boolean =>
  isInSight(sightOf(company, staff), place);

/** Codes of the places in the company file that somebody sees. */
export const placesSeenBy = (company: Company, staff: string): string[] =>
  Object.keys(company.places).filter((place) => maySeePlace(company, staff, place));

/** Where what somebody reads was said: anywhere, or at these places, as codes; also where they have left the company file since. */
export type Sight = 'everywhere' | readonly string[];

export const isInSight = (sight: Sight, place: string): boolean => sight === 'everywhere' || sight.includes(place);

export function sightOf(company: Company, staff: string): Sight {
  const person = company.staff[staff];
  if (!person) return [];
  return person.places === 'all' || company.executive === staff ? 'everywhere' : person.places;
}

/** Somebody acts on a signal, and reads it, who answers for it, whom its ladder has told, or who runs or works at its place. */
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

/** An insight is read by whoever decides it, or sees one of the places where it was asked for. */
export function maySeeInsight(
  company: Company,
  staff: string,
  insight: { decider: string; told: readonly string[]; places: readonly string[] },
): boolean {
  return mayDecide(company, staff, insight) || insight.places.some((place) => maySeePlace(company, staff, place));
}

/** Who reads how the loop goes: whoever runs a place, leads somebody, or answers for all of it. */
export function leads(company: Company, staff: string): boolean {
  return (
    company.executive === staff ||
    company.staff[staff]?.places === 'all' ||
    Object.values(company.places).some(({ manager }) => manager === staff) ||
    Object.values(company.staff).some(({ lead }) => lead === staff)
  );
}

/** A key sees the places it was given (null: all of them), and one that is named after somebody no more than they do. */
export function placesSeenWith(company: Company, key: { name: string; places: readonly string[] | null }): string[] {
  const given = Object.keys(company.places).filter((place) => key.places?.includes(place) ?? true);
  return company.staff[key.name] ? given.filter((place) => maySeePlace(company, key.name, place)) : given;
}

/** As of people: a key reads what was said at the places it was given, former ones too, and as far as whoever it is named after does. */
export function sightWith(company: Company, key: { name: string; places: readonly string[] | null }): Sight {
  const theirs = company.staff[key.name] ? sightOf(company, key.name) : 'everywhere';
  return key.places === null ? theirs : key.places.filter((place) => isInSight(theirs, place));
}
