/** What the web is handed by src/start/: nothing here reads the environment, and nothing here talks to Temporal. */

import type { Hono } from 'hono';
import type { Credential } from '../../domain/credential.ts';
import { provesTwoFactors, type Strength } from '../../domain/secondFactor.ts';
import type { Vouched } from '../../domain/signIn.ts';
import type { Heed } from '../heed.ts';

export interface Web {
  heed: Heed;
  /** Where people reach us, without a slash at the end. */
  publicUrl: string;
  /** Base address of the namespace in the Temporal Web UI, for links from a page to its run; undefined when nobody said where it is. */
  temporalUi: () => string | undefined;
  /** Verifies what comes from Slack, and opens modals there; undefined without Slack. */
  slack: SlackDoor | undefined;
  /** The company's own sign-in service; undefined where none was named. */
  signInService: SignInDoor | undefined;
  /** Only while embedded parts are in use. */
  demo: Demo | undefined;
  /** What is still arriving while `npm start` comes up, as sentences; empty once all is there. */
  arriving: () => string[];
}

export interface SlackDoor {
  signingSecret: Credential;
  /** Opens a modal while its trigger is fresh (3 s). */
  openView: (triggerId: string, view: object) => Promise<void>;
  /** Tells one person something in the channel they pressed in, seen by them alone. */
  whisper: (channel: string, slackId: string, text: string) => Promise<void>;
  /** Id of our own workspace. */
  workspace: () => Promise<string>;
  /** The e-mail address of a member of it, to find them among the staff; undefined for guests, strangers and whoever has left. */
  emailOf: (slackId: string) => Promise<string | undefined>;
}

export interface SignInDoor {
  /** Where to send somebody, and what their browser must bring back; undefined when the service can't be asked. `anew`: whoever proved more than ten
   *  minutes ago who they are is to do so again. */
  begin: (how: { anew: boolean }) => Promise<{ url: string; memory: string } | undefined>;
  /** Whom the service vouches for, by what came back, and how and when they proved it there. */
  finish: (cameBack: URL, memory: string) => Promise<Vouched>;
  /** Whether a link by e-mail is offered beside it. */
  besideLinks: boolean;
  /** Whether nobody is let in, and nobody acts by a link, without having proved two factors there. */
  secondFactorRequired: boolean;
  /** What the service calls its levels that take two; none: it must name the methods. */
  acrValues: readonly string[];
}

export const secondFactorRequired = ({ signInService }: Web): boolean => signInService?.secondFactorRequired ?? false;

/** Judged by what is set today, whatever was when they signed in. */
export const hasTwoFactors = ({ signInService }: Web, strength: Strength): boolean =>
  provesTwoFactors(strength, signInService?.acrValues ?? []);

/** Whether somebody who proved so much may come in. */
export const suffices = (web: Web, strength: Strength): boolean =>
  !secondFactorRequired(web) || hasTwoFactors(web, strength);

export interface Demo {
  mailbox: Hono | undefined;
  slackRoom: Hono | undefined;
  unread: () => { slack: number; mail: number };
}
