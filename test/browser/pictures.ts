/** Pictures for the documentation, drawn from the pages themselves: an SVG that holds the page's own elements and styles, so that it is text,
 *  sharp at any size, and new whenever the pages are (npm run pictures). */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { z } from 'zod';

const folder = new URL('../../docs/pictures/', import.meta.url);

const Frozen = z.object({ width: z.number(), height: z.number(), title: z.string(), markup: z.string() });

/** Writes docs/pictures/<name>.svg when HEED_PICTURES is set; else does nothing. `most` cuts long pages, in pixels. */
export async function picture(page: Page, name: string, most = 1400): Promise<void> {
  if (!process.env['HEED_PICTURES']) return;
  const frozen = Frozen.parse(await page.evaluate(await readFile(new URL('freeze.js', import.meta.url), 'utf8')));
  const height = Math.min(most, frozen.height);
  await mkdir(folder, { recursive: true });
  await writeFile(
    new URL(`${name}.svg`, folder),
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${frozen.width} ${height}" width="${frozen.width}" height="${height}">
<title>${escaped(frozen.title)}</title>
<foreignObject width="${frozen.width}" height="${height}">
${frozen.markup}
</foreignObject>
</svg>
`,
  );
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
