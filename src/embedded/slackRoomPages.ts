/** The Slack room as pages to press in, and as JSON. */

import { Hono } from 'hono';
import type { Context } from 'hono';
import { html } from 'hono/html';
import { livePage, moment, serveAssets, wantsJson } from './page.ts';
import type { Frame, Html } from './page.ts';
import { drawAttachment, drawBlocks, elementsOf } from './slackBlocks.ts';
import type { Block, Element, Surroundings } from './slackBlocks.ts';
import { drawField, fieldName, isField } from './slackFields.ts';
import type { Person } from './slackFields.ts';
import type { Interactions, Outcome, Sent } from './slackInteractions.ts';
import { drawMrkdwn } from './slackMrkdwn.ts';
import { bot, channelOf, plainText } from './slackState.ts';
import type { RoomMessage, RoomState, RoomView } from './slackState.ts';
import { asView, isReply } from './slackWebApi.ts';

const base = '/dev/slack';
const shownAtOnce = 100;

/** The room as one person sees it, in plain forms. Each route also speaks JSON: what a test would read or do. */
export function slackRoomPages(room: RoomState, interactions: Interactions, frame: Frame): Hono {
  const app = new Hono();
  serveAssets(app, () => room.version);
  const show = (title: string, body: Html, still = false): Html =>
    frame(title, livePage({ base, version: room.version, body, still }));

  app.get('/', async (c) => {
    if (wantsJson(c)) {
      const views = [...room.views.values()].flat().map(viewForTests);
      return c.json({ people: peopleWithUnread(room), messages: room.messages, views });
    }
    const as = c.req.query('as');
    if (as === undefined) return c.html(show(title, everybody(room)));
    const person = await room.find(as);
    if (!person) return c.html(show(title, stranger(as)), 404);
    const view = room.views.get(person.id)?.at(-1);
    if (view) return c.html(show(viewTitle(view), modal(room, person, view), true));
    await room.markRead(channelOf(person));
    return c.html(show(`${title}: ${person.name}`, conversation(room, person)));
  });

  app.post('/press', async (c) => {
    const pressed = await readPress(c);
    const view = pressed.view === undefined ? undefined : room.view(pressed.view);
    const message = room.message(pressed.channel, pressed.ts);
    const target = elementsOf(message ? allBlocks(message) : []).find(
      ({ element }) => element.action_id === pressed.actionId,
    );
    if (message && target?.element.confirm && !pressed.confirmed) {
      return c.html(
        show('Are you sure?', confirmation(message, target.block, target.element, pressed.ownFields), true),
      );
    }
    const person = await room.find(view?.email ?? message?.email ?? pressed.channel);
    return finish(c, person, async () => {
      if (view) return interactions.pressInView(view, pressed, pressed.sent);
      if (message) return interactions.press(message, pressed, pressed.sent);
      throw new Error('That message, or that form, is no longer there.');
    });
  });

  app.post('/submit', async (c) => {
    const { view: id, sent, as } = await readSubmit(c);
    const view = room.view(id);
    const person = await room.find(view?.email ?? as);
    return finish(c, person, async () => {
      if (!view) throw new Error('That form is no longer open.');
      return interactions.submit(view, sent);
    });
  });

  app.post('/close', async (c) => {
    const { view: id, as } = await readSubmit(c);
    const view = room.view(id);
    if (view) await interactions.close(view);
    return c.redirect(personUrl(view?.email ?? as), 303);
  });

  // A form or JSON that cannot be read is the sender's mistake, not ours.
  app.onError((error, c) => {
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof URIError) {
      return c.json({ ok: false, notice: `This request could not be read: ${error.message}` }, 400);
    }
    throw error;
  });

  /** Does it and shows the person's page again; as JSON, says what came of it. */
  const finish = async (c: Context, person: Person | undefined, act: () => Promise<Outcome>): Promise<Response> => {
    try {
      const outcome = await act();
      if (sentJson(c)) return c.json({ ...outcome, view: outcome.view && viewForTests(outcome.view) });
    } catch (error) {
      const notice = error instanceof Error ? error.message : String(error);
      if (sentJson(c)) return c.json({ ok: false, notice }, 404);
      if (person) room.notices.set(person.id, notice);
    }
    return c.redirect(person ? personUrl(person.email) : base, 303);
  };

  return app;
}

const title = 'Slack room of this demonstration';

const personUrl = (who: string) => `${base}?as=${encodeURIComponent(who)}`;

const viewForTests = (view: RoomView) => ({ ...asView(view), email: view.email, errors: view.errors });

const allBlocks = ({ blocks, attachments }: RoomMessage): Block[] => [
  ...blocks,
  ...attachments.flatMap((attachment) => attachment.blocks ?? []),
];

const peopleWithUnread = (room: RoomState) =>
  [...room.people.values()]
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map((person) => ({ ...person, channel: channelOf(person), unread: room.unread(channelOf(person)) }));

// ---- what was sent

const sentJson = (c: Context): boolean => (c.req.header('content-type') ?? '').includes('application/json');

type Given = Record<string, unknown>;

async function readPress(c: Context) {
  if (sentJson(c)) {
    const body = (await c.req.json()) as Given;
    return {
      view: body['viewId'] === undefined ? undefined : plainText(body['viewId']),
      channel: plainText(body['channel']),
      ts: plainText(body['messageTs']),
      actionId: plainText(body['actionId']),
      blockId: body['blockId'] === undefined ? undefined : plainText(body['blockId']),
      confirmed: true,
      sent: byName((body['values'] ?? {}) as Record<string, string | string[]>),
      ownFields: [],
    };
  }
  const form = await c.req.formData();
  // Inside a modal the button is part of the whole form and says by its own value which one it is.
  const [block, action] = plainText(form.get('press')).split('/').map(decodeURIComponent);
  return {
    view: form.get('view') === null ? undefined : plainText(form.get('view')),
    channel: plainText(form.get('channel')),
    ts: plainText(form.get('ts')),
    actionId: action ?? '',
    blockId: block,
    confirmed: form.get('confirmed') === 'yes',
    sent: byForm(form),
    ownFields: [...form.entries()].map(([name, value]): [string, string] => [name, plainText(value)]),
  };
}

async function readSubmit(c: Context): Promise<{ view: string; as: string; sent: Sent }> {
  if (sentJson(c)) {
    const body = (await c.req.json()) as Given;
    const values = (body['values'] ?? {}) as Record<string, string | string[]>;
    return { view: plainText(body['viewId']), as: plainText(body['as']), sent: byName(values) };
  }
  const form = await c.req.formData();
  return { view: plainText(form.get('view')), as: plainText(form.get('as')), sent: byForm(form) };
}

/** A form says nothing at all for a box that isn't ticked, so what is missing is empty. */
const byForm =
  (form: FormData): Sent =>
  ({ block, element }) =>
    form.getAll(fieldName(block, element)).map(plainText);

/** Values under a block's or an action's id; what isn't named stays as the form showed it. */
export const byName =
  (values: Record<string, string | string[]>): Sent =>
  ({ block, element }) => {
    const value = values[String(element.action_id)] ?? values[String(block.block_id)];
    return value === undefined ? undefined : [value].flat();
  };

// ---- what is shown

const everybody = (room: RoomState): Html => html`
  <header>
    <p class="dev-kind">${title}</p>
    <h1>Who would you like to be?</h1>
    <p class="dev-soft">
      ${bot.name} speaks Slack's own protocol to this room, and nothing leaves this machine. <a href="">Refresh</a>
    </p>
  </header>
  ${peopleNav(room)}
  ${room.people.size === 0 ? html`<p class="dev-card">Nobody yet. Whoever ${bot.name} writes to appears here.</p>` : ''}
`;

const stranger = (who: string): Html => html`
  <header>
    <p class="dev-kind"><a href="${base}">${title}</a></p>
    <h1>Nobody here has the id ${who}</h1>
  </header>
`;

const peopleNav = (room: RoomState, current?: Person): Html =>
  html`<nav class="dev-people" aria-label="People">
    ${peopleWithUnread(room).map(
      ({ id, email, name, unread }) =>
        html`<a id="to-${id}" href="${personUrl(email)}" ${id === current?.id ? html`aria-current="page"` : ''}
          >${name}${unread > 0 ? html` <small>${unread} unread</small>` : ''}</a
        >`,
    )}
  </nav>`;

function conversation(room: RoomState, person: Person): Html {
  const mine = room.messages.filter((message) => message.channel === channelOf(person) && !message.deleted);
  const top = mine.filter((message) => !hasRoot(message, mine) || message.broadcast).toReversed();
  const notice = room.notices.get(person.id);
  return html`
    <header>
      <p class="dev-kind"><a href="${base}">${title}</a></p>
      <h1>${person.name}</h1>
      <p class="dev-soft">Direct messages from ${bot.name}, newest first. <a href="">Refresh</a></p>
    </header>
    ${peopleNav(room, person)}
    ${notice === undefined ? '' : html`<p class="dev-error dev-card" role="alert">${notice}</p>`}
    ${top.length === 0 ? html`<p class="dev-card">Nothing yet. What ${bot.name} tells ${person.name} appears here.</p>` : ''}
    <ol class="dev-list">
      ${top.slice(0, shownAtOnce).map((message) => drawMessage(room, message, mine))}
    </ol>
    ${top.length > shownAtOnce ? html`<p class="dev-soft">${top.length - shownAtOnce} older messages are not shown.</p>` : ''}
  `;
}

const hasRoot = (message: RoomMessage, among: RoomMessage[]) => among.some((root) => isReply(message, root));

function drawMessage(room: RoomState, message: RoomMessage, among: RoomMessage[], asReply = false): Html {
  const around: Surroundings = {
    nameOf: room.nameOf,
    control: (block, element) => controlInMessage(room, message, block, element),
    input: () => html``,
  };
  const replies = asReply ? [] : among.filter((one) => isReply(one, message));
  const id = `m-${message.ts.replace('.', '-')}`;
  const said =
    message.blocks.length > 0
      ? drawBlocks(message.blocks, around)
      : message.text !== '' && html`<div class="dev-block">${drawMrkdwn(message.text, room.nameOf)}</div>`;
  return html`<li class="${asReply ? 'dev-reply' : 'dev-card'}" id="${asReply ? `${id}-reply` : id}">
    <p class="dev-by">
      <b>${bot.name}</b> <span class="dev-tag">app</span> <small>${moment(new Date(Number(message.ts) * 1000))}</small>
      ${message.edited ? html`<small>(edited)</small>` : ''}
      ${message.ephemeral ? html`<small>Only visible to you</small>` : ''}
      ${message.broadcast && !asReply ? html`<small>replied in a thread</small>` : ''}
    </p>
    ${said} ${message.attachments.map((attachment) => drawAttachment(attachment, around))}
    ${
      replies.length > 0
        ? html`<ol class="dev-list" aria-label="Replies">
            ${replies.map((reply) => drawMessage(room, reply, among, true))}
          </ol>`
        : ''
    }
  </li>`;
}

function controlInMessage(room: RoomState, message: RoomMessage, block: Block, element: Element): Html {
  if (element.type === 'image') return html`<span class="dev-soft">Picture: ${element.alt_text}</span>`;
  if (element.type === 'button' && element.url !== undefined) {
    return html`<a class="${look(element)}" href="${element.url}" rel="noreferrer">${element.text?.text}</a>`;
  }
  const choice = isField(element);
  const label = element.placeholder?.text ?? 'Choose';
  const field = { block, element, value: undefined, label, people: [...room.people.values()] };
  return html`<form class="dev-inline" method="post" action="${base}/press">
    <input type="hidden" name="channel" value="${message.channel}" />
    <input type="hidden" name="ts" value="${message.ts}" />
    ${choice ? drawField(field) : ''}
    <button class="${look(element)}" name="press" value="${fieldName(block, element)}">
      ${choice ? 'Choose' : element.text?.text}
    </button>
  </form>`;
}

const look = ({ style }: Element): string =>
  `dev-button${style === 'primary' ? ' dev-primary' : style === 'danger' ? ' dev-danger' : ''}`;

const confirmation = (message: RoomMessage, block: Block, element: Element, sent: [string, string][]): Html => {
  const { confirm = {} } = element;
  return html`
    <section class="dev-card dev-modal" role="dialog" aria-labelledby="sure">
      <h1 id="sure">${confirm.title?.text}</h1>
      <p class="dev-plain">${confirm.text?.text}</p>
      <form class="dev-actions" method="post" action="${base}/press">
        ${sent
          .filter(([name]) => name !== 'press')
          .map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
        <input type="hidden" name="confirmed" value="yes" />
        <button
          class="dev-button ${confirm.style === 'danger' ? 'dev-danger' : 'dev-primary'}"
          name="press"
          value="${fieldName(block, element)}"
        >
          ${confirm.confirm?.text}
        </button>
        <a class="dev-button" href="${personUrl(message.email)}">${confirm.deny?.text}</a>
      </form>
    </section>
  `;
};

const viewTitle = (view: RoomView) => (view.given['title'] as { text: string }).text;

function modal(room: RoomState, person: Person, view: RoomView): Html {
  const labelled = (part: string, otherwise: string) =>
    (view.given[part] as { text?: string } | undefined)?.text ?? otherwise;
  const valueOf = (block: Block, element: Element) => view.values[String(block.block_id)]?.[String(element.action_id)];
  const around: Surroundings = {
    nameOf: room.nameOf,
    input: (block, element) =>
      drawField({
        block,
        element,
        value: valueOf(block, element),
        label: block.label?.text ?? '',
        hint: block.hint?.text,
        error: view.errors[String(block.block_id)],
        people: [...room.people.values()],
      }),
    control: (block, element) => {
      if (element.type === 'image') return html`<span class="dev-soft">Picture: ${element.alt_text}</span>`;
      if (element.url !== undefined)
        return html`<a class="${look(element)}" href="${element.url}">${element.text?.text}</a>`;
      if (isField(element)) {
        const label = element.placeholder?.text ?? block.text?.text ?? 'Choose';
        return drawField({ block, element, value: valueOf(block, element), label, people: [...room.people.values()] });
      }
      return html`<button
        class="${look(element)}"
        name="press"
        value="${fieldName(block, element)}"
        formaction="${base}/press"
        formnovalidate
      >
        ${element.text?.text}
      </button>`;
    },
  };
  const notice = room.notices.get(person.id);
  const ids = html`<input type="hidden" name="view" value="${view.id}" /><input
      type="hidden"
      name="as"
      value="${person.email}"
    />`;
  const wrong = Object.keys(view.errors).length > 0;
  return html`
    <p class="dev-kind">${title}: ${person.name}</p>
    <section class="dev-card dev-modal" role="dialog" aria-labelledby="view-title">
      <h1 id="view-title">${viewTitle(view)}</h1>
      ${notice === undefined ? '' : html`<p class="dev-error" role="alert">${notice}</p>`}
      ${wrong ? html`<p class="dev-error" role="alert">Not sent yet: please look at what is marked below.</p>` : ''}
      <form method="post" action="${base}/submit">
        ${
          // Enter in a field presses a form's first button: that has to be the one that submits.
          view.given['submit'] ? html`<button class="dev-first" tabindex="-1" aria-hidden="true"></button>` : ''
        }
        ${ids} ${drawBlocks(view.blocks, around)}
        ${
          view.given['submit']
            ? html`<button class="dev-button dev-primary dev-wide">${labelled('submit', 'Submit')}</button>`
            : ''
        }
      </form>
      <form method="post" action="${base}/close">
        ${ids}<button class="dev-button dev-wide">${labelled('close', 'Close')}</button>
      </form>
    </section>
  `;
}
