/** A real browser for tests: the one that comes in an npm package. */

import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';

/** Not chromium.args: they run everything in one process and switch web security off, which would make every such test worthless. */
export async function openBrowser(): Promise<Browser> {
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** Opens an address as whoever reads it does: a link is handed on by the page at /t, which leaves at once. */
export async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  if (address.includes('#')) await page.locator('#entrance').waitFor({ state: 'detached' });
}

/** The same without script. */
export async function paste(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByLabel('The whole link').fill(link);
  await page.getByRole('button', { name: 'Open it' }).click();
}
