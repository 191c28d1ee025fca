/** What a command has in its hands: somewhere to speak, and the settings, read only when they are needed. */

import type { Config } from '../../config.ts';

export interface Terminal {
  /** A line for whoever asked. */
  say: (line: string) => void;
  /** A line about what went wrong. */
  complain: (line: string) => void;
  /** Throws ConfigError with every problem listed. */
  config: () => Config;
  /** Settings in a file `.env` that are not read, by their names. Not given: there are none. */
  leftUnread?: () => readonly string[];
  /** The folder that file names on the command line are relative to. */
  folder: () => string;
  /** Who sits there, for what is recorded in their name: an account of the machine. */
  account: string;
}

/** For programs: the same, as one JSON document. */
export const sayJson = (terminal: Terminal, value: unknown): void => terminal.say(JSON.stringify(value, null, 2));

/** A command that did what it could and has bad news: exit code 1 without another word. */
export class Failed extends Error {}

/** With the full stop that it lacks; a question has its own. */
export const inFull = (sentence: string): string => (sentence.endsWith('?') ? sentence : `${sentence}.`);
