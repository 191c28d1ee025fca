/** Who is answerable. Deterministic, never empty, and always with the reason: `why` completes "You, because …". */

import { roles, type Company, type Role } from './company.ts';
import type { Remark } from './matching.ts';
import { matches } from './matching.ts';
import type { Span } from './span.ts';

export interface Assignment {
  /** Staff code. */
  staff: string;
  role: Role | 'decider';
  /** The team it came to them through. */
  team?: string;
  why: string;
}

/** Whose signal it is (a staff code; one who has left, or none, is climbed over) and where it was captured. */
interface Context {
  owner: string;
  place: string;
}

/**
 * The owner of a signal: the first owner rule that matches, else the place's manager. `sequence` is a stable number of the signal; inside a
 * team it takes turns among the members who work at the place, and comes to the team's lead where none of them does.
 */
export function routeOwner(company: Company, remark: Remark, sequence: number): Assignment {
  const rule = company.owners.find(({ when }) => matches(when, remark));
  if (!rule) {
    const staff = resolveRole(company, 'manager', { owner: '', place: remark.place });
    return { staff, role: roleAt(company, staff, remark.place), why: `${placeName(company, remark.place)} is yours` };
  }
  const { owner, why } = rule;
  if ('staff' in owner) return { staff: owner.staff, role: 'owner', why };
  if ('role' in owner) {
    return { staff: resolveRole(company, owner.role, { owner: '', place: remark.place }), role: owner.role, why };
  }
  const team = company.teams[owner.team];
  const present = (team?.members ?? []).filter((member) => worksAt(company, member, remark.place));
  const taking = present[Math.abs(Math.trunc(sequence)) % present.length];
  if (taking === undefined) {
    const lead = team?.lead ?? company.executive;
    return {
      staff: lead,
      role: 'lead',
      team: owner.team,
      why: `${why}, and nobody of ${team?.name ?? owner.team} is at ${placeName(company, remark.place)}`,
    };
  }
  return {
    staff: taking,
    role: 'owner',
    team: owner.team,
    why: present.length > 1 ? `${why}, and it was your turn` : why,
  };
}

/** The decider of an insight, and how long they have. A checked company has a rule for everything; without one it is the executive's. */
export function routeDecider(company: Company, remark: Remark): Assignment & { within: Span } {
  const rule = company.deciders.find(({ when }) => matches(when, remark));
  if (!rule) {
    return {
      staff: company.executive,
      role: 'decider',
      why: 'nobody else decides this',
      within: { amount: 7, unit: 'd' },
    };
  }
  return { staff: rule.decider, role: 'decider', why: rule.why, within: rule.within };
}

/** The staff code behind a rung's role, at the moment it is climbed. Whoever is missing is replaced by the next role up: owner, lead, manager, executive. */
export function resolveRole(company: Company, role: Role, { owner, place }: Context): string {
  const people = {
    owner: company.staff[owner] && owner,
    lead: company.staff[owner]?.lead,
    manager: company.places[place]?.manager,
    executive: company.executive,
  };
  const found = roles.slice(roles.indexOf(role)).map((step) => people[step]);
  return found.find((code) => code !== undefined && company.staff[code] !== undefined) ?? company.executive;
}

/** The next person above the owner: their lead, else the place's manager, else the executive; from a manager it goes to the executive, who keeps it. */
export function oneLevelUp(company: Company, context: Context): Assignment {
  const { owner, place } = context;
  const from = `it goes one level up from ${company.staff[owner]?.name ?? 'its owner'}`;
  const manager = resolveRole(company, 'manager', context);
  const lead = resolveRole(company, 'lead', context);
  if (owner === manager || owner === company.executive) {
    return { staff: company.executive, role: 'executive', why: `${from}, and the ladder ends with you` };
  }
  const staff = lead === owner ? manager : lead;
  const role = roleAt(company, staff, place);
  const why = {
    lead: 'you are their lead',
    manager: `${placeName(company, place)} is yours`,
    executive: 'the ladder ends with you',
  };
  return { staff, role, why: `${from}, and ${why[role]}` };
}

function roleAt(company: Company, staff: string, place: string): 'lead' | 'manager' | 'executive' {
  if (company.places[place]?.manager === staff) return 'manager';
  return company.executive === staff ? 'executive' : 'lead';
}

/** By what the company file says of them alone: an executive sees every place, and stands at none for that. */
export function worksAt(company: Company, staff: string, place: string): boolean {
  const places = company.staff[staff]?.places;
  return places === 'all' || (places?.includes(place) ?? false);
}

function placeName(company: Company, place: string): string {
  return company.places[place]?.name ?? place;
}
