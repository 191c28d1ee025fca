/** One company as Heed knows it: the parsed and checked YAML file (see companyFile.ts for reading it, docs/configuration.md for people). */

import type { Span } from './span.ts';

export const verdicts = ['pursue', 'review', 'dismiss'] as const;
export type Verdict = (typeof verdicts)[number];

/** What a pursued signal needs. "decide" is short for: answer the customer, and take it to a decider. */
export const courses = ['thank', 'answer', 'decide'] as const;
export type Course = (typeof courses)[number];

export const moods = ['annoyed', 'let-down', 'fine', 'pleased'] as const;
export type Mood = (typeof moods)[number];

export const offers = ['accepted', 'refused', 'unsure'] as const;
export type OfferTaken = (typeof offers)[number];

/** How much of a customer's words a message may carry; the rest is behind a link. */
export const quotings = ['full', 'extract', 'link'] as const;
export type Quoting = (typeof quotings)[number];

/** Whom a rung tells, upwards. Resolved to a person only when it is climbed; whoever is missing is replaced by the next role to the right. */
export const roles = ['owner', 'lead', 'manager', 'executive'] as const;
export type Role = (typeof roles)[number];

export const ladderNames = ['reviewing', 'acknowledging', 'answering', 'promising', 'deciding', 'completing'] as const;
export type LadderName = (typeof ladderNames)[number];

export type Code = string;

export interface Company {
  name: string;
  /** IANA zone of the company's reports. */
  timezone: string;
  /** Where the ladder ends: the person who is told when nobody else acts. */
  executive: Code;
  calendars: Record<Code, Calendar>;
  places: Record<Code, Place>;
  staff: Record<Code, Staff>;
  teams: Record<Code, Team>;
  kinds: Record<Code, Kind>;
  vocabulary: Vocabulary;
  /** In order; the first that matches decides. The last one always matches. */
  triage: TriageRule[];
  owners: OwnerRule[];
  deciders: DeciderRule[];
  ladders: Record<LadderName, Ladder>;
  templates: Record<TemplateName, Template>;
  customers: CustomerRules;
  /** Absent in files applied before there was one. */
  retention?: Retention;
  attention?: Attention;
  capture: { unmet: string[] };
  /** How long a decider may take a decision back before anything leaves. */
  undo: Span;
}

/** How many prompts reach one person by one channel within a time on the clock; what comes on top is named in one digest. */
export interface Attention {
  prompts: number;
  within: Span;
}

/** Where the company says nothing: more than anybody answers in that time. */
export const usualAttention: Attention = { prompts: 10, within: { amount: 5, unit: 'm' } };

/** How long what was said is kept after its loop was closed; without a word of it, until somebody asks that it be erased. */
export interface Retention {
  words?: Span;
  /** Of single kinds, where it differs. */
  kinds: Record<Code, Span>;
  /** How long the wording of a message is kept after it was sent. */
  letters?: Span;
}

export interface Calendar {
  /** IANA zone. */
  timezone: string;
  /** 'always', or seven lists (Monday first) of [from, to) in minutes since local midnight. */
  week: 'always' | [number, number][][];
  /** Local dates (YYYY-MM-DD) without working time. */
  daysOff: string[];
}

export interface Place {
  name: string;
  calendar: Code;
  manager: Code;
  quote: Quoting;
}

export interface Staff {
  name: string;
  email: string;
  /** Where prompts go first; e-mail is always the second way. */
  prompts: 'slack' | 'email';
  /** Places whose signals they may see and act on; 'all' for the whole company. */
  places: Code[] | 'all';
  /** Their lead, one step up. Missing: the place's manager. */
  lead?: Code;
  /** A counter name for what they do, shown to customers: "branch manager". */
  title: string;
}

export interface Team {
  name: string;
  lead: Code;
  members: Code[];
}

export interface Kind {
  /** As people read it: "asked for something we don't carry". */
  name: string;
  /** Overrides the place's, towards less: what complainants said is not quoted. */
  quote?: Quoting;
  /** Deciding on it takes a sign-in: the link in an e-mail, which may be forwarded, is not enough. */
  highStake?: boolean;
}

export interface Vocabulary {
  /** item → words that mean it: coat: [coat, overcoat]. */
  items: Record<string, string[]>;
  /** attribute → value → words that mean it; a value written as /pattern/ matches by itself ("size: /[34]\d/"). */
  attributes: Record<string, Record<string, string[]>>;
}

export interface Condition {
  /** Linear-time regular expressions, case-insensitive; any of them. */
  words?: string[];
  kinds?: Code[];
  moods?: Mood[];
  places?: Code[];
  items?: string[];
  /** Attribute → allowed values; an empty list means "given at all". */
  attributes?: Record<string, string[]>;
  /** true: a reason why it could not be met was given. */
  unmet?: boolean;
  offer?: OfferTaken[];
}

export interface TriageRule {
  name: string;
  when: Condition;
  verdict: Verdict;
  course?: Course;
  kind?: Code;
  /** 1 urgent … 5 whenever. */
  priority: 1 | 2 | 3 | 4 | 5;
  /** Why it is dismissed; required with verdict dismiss. */
  reason?: string;
}

/** Who owns a signal. `why` completes the sentence "You, because …". */
export interface OwnerRule {
  when: Condition;
  owner: { staff: Code } | { team: Code } | { role: 'manager' | 'executive' };
  why: string;
}

/** Who decides an insight, and by when. */
export interface DeciderRule {
  when: Condition;
  decider: Code;
  within: Span;
  why: string;
}

export interface Ladder {
  /** Calendar of its working time; missing: the place's. */
  calendar?: Code;
  rungs: { after: Span; notify: Role }[];
  /** The last step repeats until somebody acts, at most daily. */
  atEnd: { notify: Role; every: Span };
}

export const templateNames = [
  'thanks',
  'answer.thank',
  'answer.answer',
  'answer.decide',
  'answer.again',
  'told.adopted',
  'told.declined',
  'call.answer',
  'call.told',
] as const;
export type TemplateName = (typeof templateNames)[number];

export interface Template {
  subject: string;
  text: string;
}

export interface CustomerRules {
  /** How long we wait for a customer's yes or no after the last message. */
  window: Span;
  /** Local times (minutes since midnight) between which nobody is written to, in the place's zone; from > to spans midnight. */
  quietHours?: { from: number; to: number };
  /** Of letters, whatever they are about. Calls do not count, nor what customers ask for themselves. */
  cap: { messages: number; within: Span };
  consent: { wording: string; text: string };
  mailFrom: { name: string; address: string };
  /** Postal line under every customer mail. */
  postal: string;
}
