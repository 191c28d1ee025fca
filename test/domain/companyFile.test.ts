import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { explainProblems, readCompany } from '../../src/domain/companyFile.ts';
import { sample, sampleYaml } from './samples.ts';

describe('the sample companies', () => {
  test('are sound', () => {
    expect(sample('demo').name).toBe('Linden & Vale');
    expect(sample('shop').name).toBe('Linden & Vale');
  });

  test('differ in their clocks alone', () => {
    const { calendars: _, places, ladders, deciders, undo, customers, ...demo } = sample('demo');
    const {
      calendars: __,
      places: shopPlaces,
      ladders: ___,
      deciders: ____,
      undo: _____,
      customers: ______,
      ...shop
    } = sample('shop');
    expect(shop).toEqual(demo);
    expect(Object.keys(shopPlaces)).toEqual(Object.keys(places));
    expect([undo, customers.window, ladders.acknowledging.rungs[1]?.after, deciders[0]?.within]).toEqual([
      { amount: 5, unit: 's' },
      { amount: 120, unit: 's' },
      { amount: 25, unit: 's' },
      { amount: 150, unit: 's' },
    ]);
  });

  test('hold what the first five minutes show', () => {
    const { ladders, places, staff, customers, calendars } = sample('demo');
    const told = (name: keyof typeof ladders) =>
      ladders[name].rungs.map(({ after, notify }) => `${notify} ${after.amount}${after.unit}`);
    expect(told('acknowledging')).toEqual(['owner 0s', 'manager 25s', 'executive 60s']);
    expect(told('answering')).toEqual(['owner 0s', 'manager 90s', 'executive 180s']);
    expect(told('deciding')).toEqual(['owner 0s', 'owner 90s', 'executive 150s']);
    expect(ladders.deciding.atEnd).toEqual({ notify: 'executive', every: { amount: 1, unit: 'd' } });
    expect(Object.keys(places)).toEqual(['high-street', 'station', 'harbour']);
    expect([staff['jonas']?.prompts, staff['priya']?.prompts, staff['tomas']?.prompts]).toEqual([
      'slack',
      'slack',
      'email',
    ]);
    expect([customers.quietHours, calendars['always']?.week]).toEqual([undefined, 'always']);
  });

  test('read split shifts, days off and quiet hours', () => {
    const { calendars, customers } = sample('shop');
    expect(calendars['shops']?.week[0]).toEqual([
      [540, 750],
      [795, 1080],
    ]);
    expect(calendars['shops']?.week[6]).toEqual([]);
    expect(calendars['office']?.daysOff).toContain('2027-03-29');
    expect(customers.quietHours).toEqual({ from: 1200, to: 480 });
  });

  test('have no code that only JavaScript knows', () => {
    const company = sample('demo');
    for (const section of [company.places, company.staff, company.kinds, company.teams, company.calendars]) {
      expect(section['constructor']).toBeUndefined();
    }
  });
});

describe('what is wrong in a file is told with its line and what to do:', () => {
  /** What stands in shop.yaml, what somebody wrote instead, and what they are told. */
  const slips: [what: string, sound: string, wrong: string, told: RegExp, elsewhere?: 'elsewhere'][] = [
    ['an unknown field', 'undo: 10m', 'undoo: 10m', /^unknown field "undoo"\. Did you mean "undo"\?$/],
    [
      'an unknown field of several lines',
      'undo: 10m',
      '"undo\\n\\n": 10m',
      /^unknown field "undo\\n\\n"\. Did you mean "undo"\?$/,
    ],
    ['a missing field', 'executive: ingrid', 'executive:', /^executive is missing: give a code/],
    [
      'an unknown kind',
      '{ kinds: question }',
      '{ kinds: qestion }',
      /^triage rule 4: kinds "qestion" is not defined under kinds\. Did you mean "question"\?$/,
    ],
    [
      'a stake that is neither high nor not',
      'complaint: { name: complained, quote: link }',
      'complaint: { name: complained, high_stake: very }',
      /^kind "complaint": high_stake "very" is not true or false\.$/,
    ],
    [
      'an unknown manager',
      'manager: priya',
      'manager: pria',
      /^place "high-street": manager "pria" is not defined under staff\. Did you mean "priya"\?$/,
    ],
    [
      'an unknown calendar',
      'calendar: harbour,',
      'calendar: quay,',
      /^place "harbour": calendar "quay" is not defined under calendars\. Defined are: shops, harbour, office\.$/,
    ],
    [
      'an unknown place',
      'places: high-street }',
      'places: hgh-street }',
      /^owner rule 1: places "hgh-street" is not defined under places\./,
    ],
    [
      'an unknown team',
      'team: outerwear',
      'team: outwear',
      /^owner rule 1: team "outwear" is not defined under teams\. Did you mean "outerwear"\?$/,
    ],
    [
      'an unknown attribute',
      '{ size: any }',
      '{ sise: any }',
      /^triage rule 11: attributes "sise" is not defined under vocabulary attributes\./,
    ],
    [
      'an unknown mood',
      'moods: pleased',
      'moods: happy',
      /^triage rule 17: moods "happy" is not one of annoyed, let-down, fine, pleased\.$/,
    ],
    [
      'a wording that no capture could carry',
      "wording: '2026-06'",
      `wording: ${'agreed with the works council '.repeat(3)}`,
      /consent wording is longer than the 64 characters/,
    ],
    [
      'a reason that no capture could carry',
      "[Don't carry it,",
      `[${'because '.repeat(40)},`,
      /unmet is longer than the 300 characters/,
    ],
    ['an address of two people', 'luca@', 'Mina@', /^staff "luca": email "mina@linden-vale.example" is also mina's\./],
    [
      'no address at all',
      'luca@linden-vale.example',
      'luca',
      /^staff "luca": email "luca" is not an e-mail address\.$/,
    ],
    [
      'a time zone',
      'timezone: Europe/Amsterdam',
      'timezone: Europe/Amsterdm',
      /^timezone "Europe\/Amsterdm" is not a time zone such as Europe\/Amsterdam\.$/,
    ],
    ['hours that run backwards', "'10:00-17:00'", "'17:00-10:00'", /week sat "17:00-10:00" is not a stretch of hours/],
    [
      'hours that overlap',
      "'13:15-18:00'",
      "'12:15-18:00'",
      /week mon-fri "12:15-18:00" begins before the stretch before it ends/,
    ],
    ['a day of the week', 'tue-fri:', 'tue-fry:', /unknown day "tue-fry"/],
    [
      'a date that does not exist',
      '2027-12-26',
      '2027-02-29',
      /days_off "2027-02-29" is not a date such as 2026-12-25\.$/,
    ],
    [
      'a length of time',
      '{ after: 2bh, notify: lead }',
      '{ after: 2 hours, notify: lead }',
      /^ladder "acknowledging", rung 2: after "2 hours" is not a length of time such as 25s, 4bh or 2bd/,
    ],
    [
      'a ladder that goes down',
      '{ after: 5bd, notify: executive }',
      '{ after: 2bd, notify: executive }',
      /^ladder "deciding", rung 3: after \(2 working days\) comes before the rung above it \(3 working days\)/,
    ],
    [
      'a ladder that could go down',
      '{ after: 1bd, notify: executive }',
      '{ after: 12h, notify: executive }',
      /^ladder "reviewing", rung 3: after \(12 hours\) can come before the rung above it \(4 working hours\): in calendar "shops" it does for what begins at 2025-12-25T13:15Z/,
    ],
    [
      'a ladder without a first prompt',
      '{ after: 0s, notify: manager }',
      '{ after: 1s, notify: manager }',
      /^ladder "reviewing", rung 1: after must be 0s/,
    ],
    [
      'a ladder that stops',
      '    at_end: { notify: executive, every: 1bd }\n  acknowledging:',
      '  acknowledging:',
      /^ladder "reviewing": at_end is missing: give whom to tell while nobody acts/,
    ],
    [
      'a ladder that nags',
      'every: 1bd }\n  acknowledging:',
      'every: 4bh }\n  acknowledging:',
      /^ladder "reviewing": at_end every "4bh" is not a day or longer/,
    ],
    [
      'a person without a role',
      'notify: lead }',
      'notify: jonas }',
      /^ladder "acknowledging", rung 2: notify "jonas" is not one of owner, lead, manager, executive\.$/,
    ],
    [
      'triage that does not end',
      '  - name: not sure\n',
      '  - name: not sure\n    when: { unmet: true }\n',
      /^triage rule 18: is the last rule and does not match everything/,
    ],
    [
      'a rule that hides the others',
      '    when: { kinds: praise }\n',
      '',
      /^triage rule 5: matches everything, so the rules after it are never reached/,
      'elsewhere',
    ],
    [
      'two rules of one name',
      'name: left pleased',
      'name: not sure',
      /^triage rule 18: name "not sure" is also the name of rule 17/,
      'elsewhere',
    ],
    [
      'pursuing for nothing',
      '    course: thank\n    priority: 5\n  - name: something',
      '    priority: 5\n  - name: something',
      /^triage rule 5: course is missing: what is pursued needs one of thank, answer, decide\.$/,
    ],
    ['pursuing no kind', '    kind: access\n', '', /^triage rule 8: kind is missing/],
    [
      'dismissing without a reason',
      '    reason: There is nothing in it that a customer could have meant.\n',
      '',
      /^triage rule 1: reason is missing/,
    ],
    [
      'a pattern that cannot run',
      '\\bcharged twice\\b',
      "'(?=x)'",
      /^triage rule 7: words "\(\?=x\)" can't be used as a pattern: .*Look-around/,
    ],
    [
      'two owners',
      'team: outerwear\n',
      'team: outerwear\n    staff: jonas\n',
      /^owner rule 1: names staff and team: keep one/,
    ],
    [
      'an owner who may not see it',
      ', places: high-street }',
      ' }',
      /^owner rule 1: team nobody of "Outerwear" may see station/,
    ],
    [
      'a manager who may not see it',
      'manager: femke',
      'manager: omar',
      /^place "station": manager "omar" is answerable for station but may not see it\. Add station to the places of omar\.$/,
    ],
    [
      'an executive who sees half',
      'title: director\n    prompts: email\n    places: all',
      'title: director\n    prompts: email\n    places: [station]',
      /^executive "ingrid" is where every ladder ends/,
      'elsewhere',
    ],
    [
      'leads in a circle',
      'title: director\n    prompts: email\n    places: all',
      'title: director\n    places: all\n    lead: tomas',
      /^staff "tomas": lead goes round in a circle/,
      'elsewhere',
    ],
    [
      'an unknown field in wording',
      'the reference is {{ reference }}',
      'the reference is {{ refrence }}',
      /^template "thanks": text has no field "refrence"\. Did you mean "reference"\?$/,
    ],
    [
      'a tag in wording',
      'the reference is {{ reference }}',
      '{% for a in b %}{% endfor %}',
      /^template "thanks": text uses {% for %}, which does not exist here/,
    ],
    [
      'words that may not be there',
      '      {%- if words %}\n\n      You said: “{{ words }}”\n      {%- endif %}',
      '      You said: “{{ words }}”',
      /^template "thanks": text mentions words, which not every message has\. Put it inside {% if words %}/,
    ],
    ['too few messages', 'messages: 6', 'messages: 2', /^customers: cap messages is too low/],
    ['quiet hours', "'20:00-08:00'", "'8 to 8'", /^customers: quiet_hours "8 to 8" is not a stretch of local time/],
    [
      'quiet hours without an end',
      "'20:00-08:00'",
      "'00:00-24:00'",
      /^customers: quiet_hours .* every letter waits for ever/,
    ],
    [
      'no time to say that it is not settled',
      'window: 10d',
      'window: 0d',
      /^customers: window "0d" is not a length of time/,
    ],
    [
      'a limit of letters within no time',
      'messages: 6, within: 30d',
      'messages: 6, within: 0d',
      /^customers: cap within "0d" is not/,
    ],
    [
      'a limit of calls within no time',
      'prompts: 10, within: 5m',
      'prompts: 10, within: 0m',
      /^attention: within "0m" is not/,
    ],
    ['working time to think again', 'undo: 10m', 'undo: 2bh', /^undo "2bh" is not a length of time on the clock/],
    ['a code with capitals', '  high-street: {', '  High-Street: {', /^places "High-Street" can't be a code/],
    ['the same place twice', '  station: {', '  high-street: {', /^"high-street" stands here a second time/],
  ];

  test.each(slips)('%s', (...[, sound, wrong, told, elsewhere]) => {
    const yaml = sampleYaml('shop');
    expect(yaml).toContain(sound);
    const problems = problemsIn(yaml.replace(sound, wrong));
    const hit = problems.find(({ message }) => told.test(message));
    expect(hit ?? problems).toHaveProperty('message');
    // The line of the slip itself, or of the entry it makes wrong.
    const at = yaml.slice(0, yaml.indexOf(sound)).split('\n').length;
    expect(Math.abs((hit?.line ?? 0) - at)).toBeLessThanOrEqual(elsewhere ? 400 : 10);
  });

  test('exactly where it stands', () => {
    const yaml = sampleYaml('demo').replace('{ kinds: complaint }', '{ kinds: complainant }');
    const line = yaml.split('\n').findIndex((text) => text.includes('kinds: complainant')) + 1;
    const column = (yaml.split('\n')[line - 1] ?? '').indexOf('complainant') + 1;
    expect(problemsIn(yaml)).toEqual([
      {
        line,
        column,
        path: 'triage.1.when.kinds.0',
        message: 'triage rule 2: kinds "complainant" is not defined under kinds. Did you mean "complaint"?',
      },
    ]);
  });

  test('inside the wording of a message, too', () => {
    const yaml = sampleYaml('demo').replace('the reference is {{ reference }}', 'the reference is {{ refrence }}');
    const line = yaml.split('\n').findIndex((text) => text.includes('refrence')) + 1;
    expect(problemsIn(yaml)).toMatchObject([{ line, column: expect.any(Number) }]);
  });

  test('all of it at once, in the order of the file', () => {
    const yaml = sampleYaml('shop')
      .replace('undo: 10m', 'undo: soon')
      .replace('manager: omar', 'manager: nobody')
      .replace('messages: 6', 'messages: 0')
      .replace('luca@', 'mina@');
    const problems = problemsIn(yaml);
    expect(problems.map(({ path }) => path)).toEqual([
      'undo',
      'places.harbour.manager',
      'staff.luca.email',
      'customers.cap.messages',
    ]);
    expect(explainProblems('shop.yaml', problems).split('\n')[0]).toBe(
      'shop.yaml:8:7  undo "soon" is not a length of time on the clock, such as 10m or 30d.',
    );
  });

  test('what is not YAML, once', () => {
    expect(problemsIn('a: b: c')).toMatchObject([
      { line: 1, column: 4, message: expect.stringMatching(/^This can't be read as YAML/) },
    ]);
  });

  test.each(['', '[]', 'hello', '42', '# nothing'])('a file of %j', (yaml) => {
    expect(problemsIn(yaml)).toMatchObject([
      { line: 1, message: expect.stringMatching(/^The file is empty or not a block of fields/) },
    ]);
  });

  test('letters that are not written in UTF-8, where the first of them stands', () => {
    const yaml = sampleYaml('shop');
    const first = yaml.split('\n').findIndex((text) => /[^\0-\x7F]/.test(text)) + 1;
    const written = [
      [Buffer.from(yaml, 'latin1'), first],
      [Buffer.from(`\uFEFF${yaml}`, 'utf16le'), 1],
    ] as const;
    for (const [bytes, line] of written)
      expect(problemsIn(bytes.toString('utf8'))).toEqual([
        expect.objectContaining({
          line,
          message: expect.stringMatching(/not written in UTF-8.* Save the file as UTF-8\.$/),
        }),
      ]);
  });

  test('aliases that go nowhere, in circles or too far', () => {
    const laughs = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefgh'
        .split('')
        .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join(', ')}]`),
    ].join('\n');
    for (const yaml of ['x: *nowhere', 'name: &a [*a]', laughs]) expect(problemsIn(yaml).length).toBeGreaterThan(0);
  });
});

test('whether rungs keep their order is found out of each file, also where another differs in nothing but hours or a rung', () => {
  const down = sampleYaml('shop').replace('{ after: 1bd, notify: executive }', '{ after: 12h, notify: executive }');
  const atShops = (yaml: string) => / at (\S+)Z/.exec(problemsIn(yaml)[0]!.message)?.[1];
  const longer = down.replace('13:15-18:00', '13:15-19:00');
  const rarer = down.replace('after: 12h', 'after: 20h');
  expect([down, longer, rarer, down].map(atShops)).toEqual([
    '2025-12-25T13:15',
    '2025-12-25T14:15',
    '2025-12-27T13:00',
    '2025-12-25T13:15',
  ]);
});

test('no file, however mangled, makes reading fail in another way', () => {
  const lines = sampleYaml('demo').split('\n');
  fc.assert(
    fc.property(fc.nat(lines.length - 1), fc.nat(lines.length - 1), fc.string({ maxLength: 12 }), (cut, put, junk) => {
      const mangled = lines
        .filter((_, index) => index !== cut)
        .map((line, index) => (index === put ? line.slice(0, line.length / 2) + junk : line));
      const read = readCompany(mangled.join('\n'));
      for (const problem of 'problems' in read ? read.problems : []) {
        expect(problem.line).toBeGreaterThan(0);
        expect(problem.message).toMatch(/[.?]$/);
      }
    }),
    { numRuns: 40 },
  );
});

function problemsIn(yaml: string) {
  const read = readCompany(yaml);
  return 'problems' in read ? read.problems : [];
}
