/** The stylesheet and the few scripts, read once. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Hono } from 'hono';

const types = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' } as const;
const files = ['app.css', 'icon.svg', 'live.js', 'capture.js', 'tasks.js', 'entrance.js'] as const;

export function assets(): Hono {
  const app = new Hono();
  for (const file of files) {
    const text = readFileSync(new URL(`../../../web/assets/${file}`, import.meta.url), 'utf8');
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    const type = types[file.split('.').at(-1) as keyof typeof types];
    app.get(`/assets/${file}`, (c) => {
      c.header('ETag', etag);
      // Asked for again after a while, and then answered "unchanged": a new version is seen without a new name.
      c.header('Cache-Control', 'public, max-age=300, must-revalidate');
      if (c.req.header('If-None-Match') === etag) return c.body(null, 304);
      return c.body(text, 200, { 'Content-Type': `${type}; charset=utf-8` });
    });
  }
  return app;
}
