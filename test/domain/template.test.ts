import { naughty } from '../hostile/naughty.ts';
import { describe, expect, jest, test } from '@jest/globals';
import { quotings, templateNames } from '../../src/domain/company.ts';
import { DomainError } from '../../src/domain/errors.ts';
import {
  extract,
  optionalFields,
  quotableAttributes,
  quotableTitle,
  quotingOf,
  renderTemplate,
  templateFields,
  templateProblems,
} from '../../src/domain/template.ts';
import { sample } from './samples.ts';

const company = sample('demo');

describe('a message', () => {
  const fields = {
    company: 'Linden & Vale',
    place: 'High Street',
    reference: 'HD-7F3K',
    capturer_name: 'Mina',
    customer_name: 'Kim Adler',
    words: 'Do you have this coat in green, size 42?',
    item: 'coat',
    signer_name: 'Priya Nair',
    signer_title: 'branch manager',
    decider_name: 'Tomás Rey',
    decider_title: 'buyer',
    promise_date: 'Friday 26 June',
    people: '14',
  };

  test('is personal: the words, who heard them, who decides, by when, and a name', () => {
    const { subject, text } = renderTemplate(company.templates['answer.decide'], fields);
    expect(subject).toBe('You asked about: coat');
    expect(text).toBe(
      [
        'Dear Kim Adler,',
        '',
        'You told Mina at High Street: “Do you have this coat in green, size 42?”',
        '',
        "I'm sorry that we can't offer it today. You are not alone: 14 people have asked for it. Tomás Rey, our buyer, decides whether we will, and you will hear from us by Friday 26 June, whichever way it goes.",
        '',
        'With kind regards,',
        'Priya Nair',
        'branch manager, Linden & Vale',
      ].join('\n'),
    );
  });

  test('reads well of everybody, whatever is not known about them', () => {
    for (const name of templateNames) {
      for (const gone of [[], ...optionalFields.map((field) => [field]), optionalFields]) {
        const given = Object.fromEntries(
          templateFields[name].filter((field) => !gone.includes(field)).map((field) => [field, `<${field}>`]),
        );
        const empty = Object.fromEntries(gone.map((field) => [field, '']));
        const { subject, text } = renderTemplate(company.templates[name], given);
        expect({ subject, text }).toEqual(renderTemplate(company.templates[name], { ...given, ...empty }));
        expect(subject).toMatch(/^\S.*\S$/);
        expect(text).not.toMatch(/\n{3}|[ \t]\n| {2}|“”|\{|undefined| [,.]/);
      }
    }
  });

  test('takes what a customer said as a value, never as a template', () => {
    const nasty = "{{ signer_name }} {% for i in (1..9) %}<b>{% endfor %} & 'x'";
    expect(renderTemplate({ subject: 'S', text: '{{ words }}' }, { words: nasty, signer_name: 'Priya' }).text).toBe(
      nasty,
    );
  });

  test('gives back whatever was said as it was said', () => {
    for (const said of naughty)
      expect(renderTemplate({ subject: 'S', text: '“{{ words }}”' }, { words: said }).text).toBe(`“${said}”`);
  });

  test('has a subject of one line, whatever the customer is called', () => {
    const { subject } = renderTemplate(
      { subject: 'For {{ customer_name }}', text: 'T' },
      { customer_name: 'Kim\r\nBcc: everyone@example.org' },
    );
    expect(subject).toBe('For Kim Bcc: everyone@example.org');
  });

  test('is written however long its program stood still meanwhile, as on a machine that has too much to do', () => {
    let minutes = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => 60_000 * (minutes += 1));
    try {
      expect(renderTemplate(company.templates.thanks, fields).text).toContain('Kim Adler');
    } finally {
      clock.mockRestore();
    }
  });

  test('is not written when a field is missing', () => {
    const write = (): unknown => renderTemplate({ subject: 'S', text: 'By {{ promise_date }}' }, { words: 'x' });
    expect(write).toThrow(DomainError);
    expect(write).toThrow(/mentions promise_date/);
  });
});

describe('wording is refused when it', () => {
  test.each([
    ['has an unknown field', '{{ discount }}', 'has no field "discount"'],
    ['has a tag that loops', '{% for a in words %}{% endfor %}', 'uses {% for %}'],
    ['has a tag that includes', '{% include "x" %}', 'uses {% include %}'],
    ['has a tag that assigns', '{% assign a = 1 %}', 'uses {% assign %}'],
    ['reaches for what every object has', '{{ place.constructor }}', 'place'],
    ['reaches for it by another spelling', '{{ place["__proto__"] }}', 'place'],
    ['asks for it itself', '{{ constructor }}', 'has no field "constructor"'],
    ['asks for the prototype', '{{ __proto__ }}', 'has no field "__proto__"'],
    ['is longer than anybody writes', `{{ place }}${'x'.repeat(25_000)}`, "can't be read"],
    ['has a filter', '{{ place | upcase }}', 'uses the filter "upcase"'],
    ['is not closed', '{% if words %}x', "can't be read"],
    ['opens a value without end', 'Hello {{ place', "can't be read"],
    ['takes the words for granted', 'You said {{ words }}', 'mentions words, which not every message has'],
    [
      'takes the words for granted under another condition',
      '{% if item %}{{ words }}{% endif %}',
      'mentions words, which not every message has',
    ],
    [
      'takes them for granted of whoever gave no name and says what it is about',
      '{% if customer_name %}Dear {{ customer_name }}{% elsif item %}About the {{ item }}: “{{ words }}”{% endif %}',
      'mentions words, which not every message has',
    ],
  ])('%s', (_, text, message) => {
    expect(templateProblems('thanks', text)[0]?.message).toContain(message);
  });

  test('and let through when it says if', () => {
    expect(
      templateProblems(
        'thanks',
        '{% if words %}“{{ words }}”{% else %}at {{ place }}{% endif %}{% unless item %}.{% endunless %}',
      ),
    ).toEqual([]);
  });
});

describe('words are quoted', () => {
  const long = `${'Do you have this coat in green? '.repeat(10)}`;

  test('in full, in part or not at all, as the place allows', () => {
    expect(extract(` ${long}`, 'full')).toBe(long.trim());
    expect(extract(long, 'link')).toBeUndefined();
    expect(extract(' A green coat?\n', 'extract')).toBe('A green coat?');
    expect(extract(long, 'extract')).toBe(`${'Do you have this coat in green? '.repeat(3)}Do you have this coat…`);
  });

  test('in part up to 120 characters, between two words unless that leaves less than half of them', () => {
    const ofLength = (...parts: number[]): string => parts.map((length) => 'x'.repeat(length)).join(' ');
    expect(extract(ofLength(120), 'extract')).toBe(ofLength(120));
    expect(extract(ofLength(100, 19), 'extract')).toBe(ofLength(100, 19));
    expect(extract(ofLength(100, 20), 'extract')).toBe(`${ofLength(100)}…`);
    expect(extract(ofLength(61, 90), 'extract')).toBe(`${ofLength(61)}…`);
    expect(extract(ofLength(60, 90), 'extract')).toBe(`${ofLength(60, 59)}…`);
    expect(extract(`${ofLength(100)}   ${ofLength(90)}`, 'extract')).toBe(`${ofLength(100)}…`);
  });

  test('without cutting a character in half', () => {
    expect(extract('🧥'.repeat(200), 'extract')).toBe(`${'🧥'.repeat(120)}…`);
  });

  test('as the stricter of place and kind says, and not at all where either is unknown', () => {
    const { wish, ...kinds } = company.kinds;
    for (const [i, ofPlace] of quotings.entries())
      for (const [j, ofKind] of quotings.entries()) {
        const places = { shop: { ...company.places['high-street']!, quote: ofPlace } };
        const strict = { ...company, places, kinds: { ...kinds, wish: { ...wish!, quote: ofKind } } };
        expect(quotingOf(strict, { place: 'shop', kind: 'wish' })).toBe(quotings[Math.max(i, j)]);
        expect(quotingOf(strict, { place: 'shop', kind: 'praise' })).toBe(ofPlace);
        expect(quotingOf(strict, { place: 'shop' })).toBe(ofPlace);
      }
    expect(quotingOf(company, { place: 'elsewhere', kind: 'wish' })).toBe('link');
    expect(quotingOf(company, { place: 'elsewhere' })).toBe('link');
    expect(quotingOf(company, { place: 'high-street', kind: 'grievance' })).toBe('link');
  });
});

describe('what somebody asked for', () => {
  const attributes = { item: 'the one in the window', colour: 'green', size: 'like my sister’s' };
  const wished = { place: 'high-street', kind: 'wish', attributes };

  test('is named in a message in their words where these may stand there, else by the company’s own alone', () => {
    expect(quotableAttributes(company, wished)).toEqual(attributes);
    expect(quotableAttributes(company, { ...wished, place: 'harbour' })).toEqual(attributes);
    expect(quotableAttributes(company, { ...wished, kind: 'complaint' })).toEqual({ colour: 'green' });
    expect(quotableAttributes(company, { ...wished, kind: 'complaint', attributes: { item: 'coat' } })).toEqual({
      item: 'coat',
    });
  });

  test('gives an insight its title there, or its kind does', () => {
    expect(quotableTitle(company, wished)).toBe('the one in the window · green · like my sister’s');
    expect(quotableTitle(company, { ...wished, kind: 'complaint' })).toBe('green');
    expect(quotableTitle(company, { ...wished, kind: 'complaint', attributes: { item: 'the one' } })).toBe(
      'complained',
    );
  });
});
