/** What people press in Slack. Verified, then mapped to somebody of ours, then recorded, and only then acknowledged; the message itself is
 *  edited by a delivery. */

import { Hono, type Context } from 'hono';
import { asOfNow } from '../../domain/credential.ts';
import { DomainError, type ErrorCode } from '../../domain/errors.ts';
import { recordRefusal } from '../../store/records/refusals.ts';
import { statuses, titles } from '../http/errors.ts';
import type { SlackDoor, Web } from '../http/web.ts';
import { readInteraction, type Interaction } from './interaction.ts';
import { sentence } from './modal.ts';
import { personBehind } from './person.ts';
import { within } from './patience.ts';
import { press } from './presses.ts';
import { isFromSlack } from './signature.ts';
import { besideFields, submit } from './submissions.ts';

/** Mounted at /slack: POST /interactions. What is not signed by Slack, or not lately, is answered 401 and nothing else. */
export function slackRoutes(web: Web): Hono {
  const app = new Hono();
  app.post('/interactions', async (c) => {
    const door = web.slack;
    if (!door) return problem(c, 'not_found', 'There is no Slack here.');
    const body = Buffer.from(await c.req.arrayBuffer());
    const signed = {
      timestamp: c.req.header('X-Slack-Request-Timestamp'),
      signature: c.req.header('X-Slack-Signature'),
      body,
    };
    if (!isFromSlack(asOfNow(door.signingSecret), signed)) {
      // Anybody may send this, as often as they like: nobody waits for the database.
      web.heed.turnedAway.count({ door: 'slack', why: 'bad_signature' });
      return problem(c, 'unauthorized', 'This is not signed by Slack, or not lately.');
    }
    const interaction = readInteraction(body);
    if (!interaction) return problem(c, 'bad_request', 'This can’t be read as an interaction from Slack.');
    return interaction === 'other' ? c.body(null, 200) : respond(c, web, door, interaction);
  });
  return app;
}

async function respond(
  c: Context,
  web: Web,
  door: SlackDoor,
  interaction: Exclude<Interaction, 'other'>,
): Promise<globalThis.Response> {
  const isForm = interaction.type === 'view_submission';
  const tell = async (text: string): Promise<globalThis.Response> => {
    if (isForm) return c.json({ response_action: 'update', view: sentence(interaction.view.title.text, text) });
    await whisper(door, interaction.channel?.id, interaction.user.id, text);
    return c.body(null, 200);
  };
  try {
    const person = await personBehind(web, door, interaction);
    if (!person) {
      await recordRefusal(web.heed.pool, { door: 'slack', why: 'stranger' });
      return await tell(notAuthorised);
    }
    if (isForm) return c.json(await submit(web.heed, person.code, interaction));
    await press(web.heed, door, person.code, interaction);
    return c.body(null, 200);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    // A form that turned into a sentence would lose what they wrote, and in a moment it can be sent as it is.
    if (isForm && error.code === 'service_unavailable')
      return c.json({ response_action: 'errors', errors: besideFields(error, interaction.view.blocks) });
    return tell(error.message);
  }
}

const notAuthorised = 'You are not authorised to respond here: we do not know you as one of the staff.';

/** A notice seen by one person alone. That Slack could not show it changes nothing about what was recorded. */
async function whisper(door: SlackDoor, channel: string | undefined, slackId: string, text: string): Promise<void> {
  if (channel) await within(1000, door.whisper(channel, slackId, text)).catch(() => {});
}

function problem(c: Context, code: ErrorCode, detail: string): globalThis.Response {
  const status = statuses[code];
  const requestId = (c.get('requestId') as string | undefined) ?? 'unknown';
  const body = {
    type: `urn:heed:problem:${code}`,
    title: titles[code],
    status,
    code,
    detail,
    instance: c.req.path,
    requestId,
  };
  return c.body(JSON.stringify(body), status, {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
  });
}
