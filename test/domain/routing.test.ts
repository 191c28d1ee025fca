import { describe, expect, test } from '@jest/globals';
import type { Company } from '../../src/domain/company.ts';
import type { Remark } from '../../src/domain/matching.ts';
import { oneLevelUp, resolveRole, routeDecider, routeOwner } from '../../src/domain/routing.ts';
import { sample } from './samples.ts';

const company = sample('demo');
const coat: Remark = {
  words: 'A green coat?',
  place: 'high-street',
  kind: 'unmet-demand',
  item: 'coat',
  attributes: { colour: 'green' },
};

describe('a signal is owned by', () => {
  test('the team it belongs to, and says why', () => {
    expect(routeOwner(company, coat, 1)).toEqual({
      staff: 'jonas',
      role: 'owner',
      team: 'outerwear',
      why: 'outerwear on High Street is yours',
    });
  });

  test('whom the first rule that matches names, whatever later ones say', () => {
    const owners = [
      { when: { places: ['harbour'] }, owner: { staff: 'aisha' }, why: 'Harbour is yours to answer' },
      { when: {}, owner: { staff: 'tomas' }, why: 'you asked for it' },
      { when: {}, owner: { staff: 'mina' }, why: 'you ask for everything' },
    ];
    expect(routeOwner({ ...company, owners }, coat, 1).staff).toBe('tomas');
  });

  test('the manager of its place where no rule matches', () => {
    expect(routeOwner(company, { ...coat, place: 'harbour' }, 1)).toEqual({
      staff: 'omar',
      role: 'manager',
      why: 'Harbour is yours',
    });
  });

  test('the executive where even the place is unknown', () => {
    expect(routeOwner(company, { ...coat, place: 'moon' }, 1)).toEqual({
      staff: 'ingrid',
      role: 'executive',
      why: 'moon is yours',
    });
  });

  test('the members of a team in turn: a thousand signals fall evenly on ten', () => {
    const members = Array.from({ length: 10 }, (_, index) => `till-${index}`);
    const staff = Object.fromEntries(members.map((code) => [code, { ...person(code), places: ['high-street'] }]));
    const large: Company = {
      ...company,
      staff: { ...company.staff, ...staff },
      teams: { outerwear: { name: 'Outerwear', lead: 'jonas', members } },
    };
    const counts = Object.groupBy(
      Array.from({ length: 1000 }, (_, index) => routeOwner(large, coat, index).staff),
      (code) => code,
    );
    expect(Object.values(counts).map((taken) => taken?.length)).toEqual(Array.from({ length: 10 }, () => 100));
    expect(routeOwner(large, coat, 3).why).toBe('outerwear on High Street is yours, and it was your turn');
  });

  test('only those of a team who work there, and its lead where nobody does', () => {
    const teams = { outerwear: { name: 'Outerwear', lead: 'priya', members: ['luca', 'mina', 'aisha'] } };
    expect([1, 2, 3].map((sequence) => routeOwner({ ...company, teams }, coat, sequence).staff)).toEqual([
      'mina',
      'mina',
      'mina',
    ]);
    const away = { outerwear: { name: 'Outerwear', lead: 'priya', members: ['luca'] } };
    expect(routeOwner({ ...company, teams: away }, coat, 1)).toMatchObject({
      staff: 'priya',
      role: 'lead',
      why: expect.stringContaining('nobody of Outerwear is at High Street'),
    });
  });

  test('each of two in turn, and they are told so', () => {
    const teams = { outerwear: { name: 'Outerwear', lead: 'jonas', members: ['mina', 'jonas'] } };
    const taken = [1, 2].map((sequence) => routeOwner({ ...company, teams }, coat, sequence));
    expect(taken.map(({ staff }) => staff)).toEqual(['jonas', 'mina']);
    for (const { why } of taken) expect(why).toBe('outerwear on High Street is yours, and it was your turn');
  });

  test('nobody who is one of us no longer, nor a team that is gone', () => {
    const teams = { outerwear: { name: 'Outerwear', lead: 'priya', members: ['somebody who left'] } };
    expect(routeOwner({ ...company, teams }, coat, 1)).toMatchObject({ staff: 'priya', role: 'lead' });
    expect(routeOwner({ ...company, teams: {} }, coat, 1)).toMatchObject({
      staff: 'ingrid',
      why: expect.stringContaining('nobody of outerwear is at High Street'),
    });
  });

  test('a named person, or a role of the place, when a rule says so', () => {
    const staff: Company = { ...company, owners: [{ when: {}, owner: { staff: 'tomas' }, why: 'you asked for it' }] };
    expect(routeOwner(staff, coat, 1)).toEqual({ staff: 'tomas', role: 'owner', why: 'you asked for it' });
    const role: Company = { ...company, owners: [{ when: {}, owner: { role: 'executive' }, why: 'it is grave' }] };
    expect(routeOwner(role, coat, 1)).toMatchObject({ staff: 'ingrid', role: 'executive' });
  });
});

describe('an insight is decided by', () => {
  test('whom the first matching rule names, by a date', () => {
    expect(routeDecider(company, coat)).toEqual({
      staff: 'tomas',
      role: 'decider',
      why: 'what we carry is yours to decide',
      within: { amount: 150, unit: 's' },
    });
  });

  test('somebody always', () => {
    expect(routeDecider(company, { ...coat, kind: 'wish' }).staff).toBe('ingrid');
    expect(routeDecider({ ...company, deciders: [] }, coat)).toEqual({
      staff: 'ingrid',
      role: 'decider',
      why: 'nobody else decides this',
      within: { amount: 7, unit: 'd' },
    });
  });
});

describe('a role is', () => {
  const at = { owner: 'mina', place: 'high-street' };

  test('the person who has it', () => {
    expect((['owner', 'lead', 'manager', 'executive'] as const).map((role) => resolveRole(company, role, at))).toEqual([
      'mina',
      'jonas',
      'priya',
      'ingrid',
    ]);
  });

  test('the next one up where nobody has it', () => {
    expect(resolveRole(company, 'lead', { owner: 'luca', place: 'station' })).toBe('femke');
    expect(resolveRole(company, 'owner', { owner: 'somebody who left', place: 'station' })).toBe('femke');
    const leadLeft = { ...company.staff, mina: { ...company.staff['mina']!, lead: 'somebody who left' } };
    expect(resolveRole({ ...company, staff: leadLeft }, 'lead', at)).toBe('priya');
    expect(resolveRole(company, 'owner', { owner: 'somebody who left', place: 'a closed shop' })).toBe('ingrid');
  });
});

describe('one level up is', () => {
  test.each([
    ['mina', 'jonas', 'lead', 'it goes one level up from Mina Okafor, and you are their lead'],
    ['jonas', 'priya', 'manager', 'it goes one level up from Jonas Weber, and High Street is yours'],
    ['priya', 'ingrid', 'executive', 'it goes one level up from Priya Nair, and the ladder ends with you'],
    ['tomas', 'ingrid', 'executive', 'it goes one level up from Tomás Rey, and the ladder ends with you'],
    ['ingrid', 'ingrid', 'executive', 'it goes one level up from Ingrid Solberg, and the ladder ends with you'],
  ])('from %s, %s', (owner, staff, role, why) => {
    expect(oneLevelUp(company, { owner, place: 'high-street' })).toEqual({ staff, role, why });
  });

  test('from somebody who left, whoever is at the place', () => {
    expect(oneLevelUp(company, { owner: 'somebody who left', place: 'high-street' })).toEqual({
      staff: 'priya',
      role: 'manager',
      why: 'it goes one level up from its owner, and High Street is yours',
    });
  });

  test('always reached in the end, from everybody, everywhere', () => {
    for (const place of Object.keys(company.places)) {
      for (let owner of Object.keys(company.staff)) {
        for (let step = 0; step < 4; step++) owner = oneLevelUp(company, { owner, place }).staff;
        expect(owner).toBe('ingrid');
      }
    }
  });
});

function person(name: string) {
  return { name, email: `${name}@linden-vale.example`, prompts: 'email' as const, title: 'at the till' };
}
