/** The API's description for programs, and a page to read and try it. The viewer's files are our own and are read when somebody asks. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Hono } from 'hono';
import { stringify } from 'yaml';
import { contentPolicy } from './security.ts';

/** `document` is made on the first request. */
export function docs(document: () => object): Hono {
  const app = new Hono();
  let made: object | undefined;
  const described = (): object => (made ??= document());

  app.get('/openapi.json', (c) => c.json(described()));
  app.get('/openapi.yaml', (c) =>
    c.body(stringify(described(), { aliasDuplicateObjects: false }), 200, { 'Content-Type': 'application/yaml' }),
  );
  app.get('/docs', (c) => c.html(page, 200, { 'Content-Security-Policy': policy }));
  app.get('/docs/start.js', (c) => c.body(start, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));
  for (const { file, type, path } of viewer) {
    app.get(`/docs/${file}`, async (c) =>
      c.body(new Uint8Array(await readFile(path())), 200, {
        'Content-Type': type,
        'Cache-Control': 'public, max-age=86400',
      }),
    );
  }
  return app;
}

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
