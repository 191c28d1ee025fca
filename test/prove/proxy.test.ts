import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openLink, type Link } from '../../prove/proxy.ts';

/** Says back what it hears, and remembers it. */
let echo: Server;
let heard: string[];
let link: Link;
beforeEach(async () => {
  heard = [];
  echo = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      heard.push(chunk.toString());
      socket.write(`back: ${chunk.toString()}`);
    });
  });
  await new Promise<void>((listening) => void echo.listen(0, '127.0.0.1', listening));
  link = await openLink(() => (echo.address() as AddressInfo).port);
});
afterEach(async () => {
  await link.close();
  await new Promise((closed) => echo.close(closed));
});

function call() {
  const socket: Socket = connect(link.port, '127.0.0.1');
  const replies: string[] = [];
  socket.on('data', (chunk) => replies.push(chunk.toString()));
  socket.on('error', () => socket.destroy());
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  return { socket, replies, closed, say: (text: string) => void socket.write(text) };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

test('carries both ways, and a cut ends every connection but not the next', async () => {
  const first = call();
  first.say('one');
  await until(() => first.replies.length === 1);
  link.cut();
  await first.closed;

  const second = call();
  second.say('two');
  await until(() => second.replies[0] === 'back: two');
  second.socket.destroy();
});

test('a swallowed reply leaves the request done, and whoever asked without an answer', async () => {
  const caller = call();
  link.swallowReplyAfter(1);
  caller.say('first');
  await until(() => caller.replies.length === 1);
  caller.say('second');
  await caller.closed;
  expect({ heard, replies: caller.replies, swallowed: link.met['reply swallowed'] }).toEqual({
    heard: ['first', 'second'],
    replies: ['back: first'],
    swallowed: 1,
  });
});

test('a silent link carries nothing while both sides believe in it, and is cut in the end', async () => {
  const caller = call();
  caller.say('before');
  await until(() => caller.replies.length === 1);
  link.fallSilent(100);
  caller.say('unheard');
  await caller.closed;
  expect(heard).toEqual(['before']);
});

test('a slow link keeps the order', async () => {
  const caller = call();
  link.delay(20, 10_000);
  for (const word of ['a', 'b', 'c']) {
    caller.say(word);
    await sleep(2);
  }
  await until(() => heard.join('').length === 3);
  expect(heard.join('')).toBe('abc');
  caller.socket.destroy();
});

test('a slow link that is fast again lets nothing overtake what is still under way', async () => {
  const caller = call();
  link.delay(60, 20);
  caller.say('a');
  await sleep(30);
  caller.say('b');
  await until(() => heard.join('').length === 2);
  expect(heard.join('')).toBe('ab');
  caller.socket.destroy();
});

test('a fault counts as met when it met something, not when it was asked for', async () => {
  link.cut();
  link.delay(5, 30);
  link.fallSilent(10);
  link.swallowReplyAfter(2);
  await sleep(50);
  expect(link.met).toEqual({ cut: 0, slow: 0, 'half-open': 0, 'reply swallowed': 0 });

  const caller = call();
  link.delay(5, 1_000);
  caller.say('slow');
  await until(() => caller.replies.length === 1);
  caller.say('slow, too');
  await until(() => caller.replies.length === 2);
  link.clear();
  caller.say('the third, which would have been swallowed');
  await until(() => caller.replies.length === 3);
  link.fallSilent(10);
  await caller.closed;
  expect(link.met).toEqual({ cut: 0, slow: 1, 'half-open': 1, 'reply swallowed': 0 });

  const another = call();
  another.say('here');
  await until(() => another.replies.length === 1);
  link.cut();
  await another.closed;
  expect(link.met.cut).toBe(1);
});
