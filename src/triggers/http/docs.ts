/** The API's description for programs, and a page to read and try it. The viewer's files are our own and are read when somebody asks. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Hono } from 'hono';
import { stringify } from 'yaml';

/** `document` is made on the first request. */
export function docs(document: () => object): Hono {
  const app = new Hono();
  let made: object | undefined;
  const described = (): object => (made ??= document());

  app.get('/openapi.json', (c) => c.json(described()));
  app.get('/openapi.yaml', (c) =>
    c.body(stringify(described(), { aliasDuplicateObjects: false }), 200, { 'Content-Type': 'application/yaml' }),
  );
  app.get('/docs', (c) => c.html(page));
  app.get('/docs/start.js', (c) => c.body(start, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));
  for (const [file, type] of Object.entries(viewer)) {
    app.get(`/docs/${file}`, async (c) => {
      const bytes = await readFile(createRequire(import.meta.url).resolve(`swagger-ui-dist/${file}`));
      return c.body(new Uint8Array(bytes), 200, { 'Content-Type': type, 'Cache-Control': 'public, max-age=86400' });
    });
  }
  return app;
}

const viewer = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

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
