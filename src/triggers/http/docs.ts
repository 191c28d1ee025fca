/** The API's description for programs, and a page to read and try it. The viewer's files are our own. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Hono } from 'hono';
import { stringify } from 'yaml';
import { contentPolicy } from './security.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** `document` is asked for on the first request. What is large is made and kept once, as bytes that all who are answered share: a copy for each
 *  who asks, and reads slowly, would fill the memory. */
export function docs(document: () => object): Hono {
  const app = new Hono();
  const described = once(document);
  const answer = (path: string, make: () => Bytes, headers: Record<string, string>): void => {
    const made = once(make);
    app.get(path, (c) => c.body(made(), 200, headers));
  };

  answer('/openapi.json', () => bytesOf(JSON.stringify(described())), { 'Content-Type': 'application/json' });
  answer('/openapi.yaml', () => bytesOf(stringify(described(), { aliasDuplicateObjects: false })), {
    'Content-Type': 'application/yaml',
  });
  app.get('/docs', (c) => c.html(page, 200, { 'Content-Security-Policy': policy }));
  app.get('/docs/start.js', (c) => c.body(start, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));
  for (const { file, type, path } of viewer)
    answer(`/docs/${file}`, () => readFileSync(path()), {
      'Content-Type': type,
      'Cache-Control': 'public, max-age=86400',
    });
  return app;
}

/** The same each time, made when it is asked for first. */
function once<Made>(make: () => Made): () => Made {
  let made: Made | undefined;
  return () => (made ??= make());
}

const bytesOf = (text: string): Bytes => new TextEncoder().encode(text);

const require = createRequire(import.meta.url);

const viewer = [
  {
    file: 'swagger-ui.css',
    type: 'text/css; charset=utf-8',
    path: () => require.resolve('swagger-ui-dist/swagger-ui.css'),
  },
  {
    file: 'swagger-ui-bundle.js',
    type: 'text/javascript; charset=utf-8',
    path: () => require.resolve('swagger-ui-dist/swagger-ui-bundle.js'),
  },
];

/** The viewer's stylesheet has pictures in it, and it writes Markdown as HTML by itself, so Trusted Types would leave it blank (seen). What it
 *  draws is our own description and nothing anybody typed; script is still only what comes as a file of ours. */
const policy = contentPolicy({
  'img-src': "'self' data:",
  'require-trusted-types-for': undefined,
  'trusted-types': undefined,
});

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Heed: the API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="api"><noscript>This page needs script. The description itself is at <a href="/openapi.json">/openapi.json</a>.</noscript></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', validatorUrl: null });\n`;
