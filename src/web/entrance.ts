/** What stands before every page that a link opens: it hands over the token, or asks for it where script did not. It knows nothing of anybody. */

import { html } from 'hono/html';
import { line, wrongs, type Filled } from './fields.ts';
import type { Html } from './page.ts';

/** `at`: where it is handed over, with what was chosen in the letter. */
export const entrance = (at: string, filled: Filled): Html =>
  html`<div class="stack entrance" id="entrance">
    <h1>Paste the link from the message here</h1>
    <p class="claim">
      Part of it has not arrived. Some mail programs cut it off, and a browser without script keeps it to itself.
    </p>
    <form method="post" action="${at}" class="stack" id="link">
      ${wrongs('link', filled)}
      ${line({
        form: 'link',
        name: 'link',
        label: 'The whole link',
        filled,
        required: true,
        focus: true,
        hint: 'In the message, hold the link or press it with the right button, and choose to copy it. Then paste it here.',
      })}
      <button class="go wide">Open it</button>
    </form>
  </div>`;
