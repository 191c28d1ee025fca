/** The first screen; whoever is signed in goes on to where their work is. */

import { Hono, type Context } from 'hono';
import { leads } from '../../../domain/entitlement.ts';
import { headline } from '../../../store/views/loopReport.ts';
import { tasksOf } from '../../../store/views/tasks.ts';
import { demoStart, start } from '../../../web/start.ts';
import { visitorOf } from '../session.ts';
import type { Web } from '../web.ts';
import { draw, firstName } from './draw.ts';
import { firstPerson } from './story.ts';

export function startPages(web: Web): Hono {
  const app = new Hono();
  app.get('/', async (c) => {
    const visitor = await visitorOf(c, web);
    if (!visitor) return show(c, web);
    const { tasks } = await tasksOf(web.heed.pool, visitor.company, visitor.code);
    return c.redirect(tasks.length > 0 || leads(visitor.company, visitor.code) ? '/tasks' : '/capture', 303);
  });
  // The beginning of the demonstration, for whoever is in the middle of it.
  app.get('/start', (c) => show(c, web));
  return app;
}

async function show(c: Context, web: Web): Promise<Response> {
  const { company } = await web.heed.configuration();
  const first = web.demo && (await firstPerson(web));
  const body = first
    ? demoStart({ ...first, name: firstName(first.name) }, await headline(web.heed.pool, company))
    : start(company.name);
  return draw(c, web, { title: 'Start', live: true, alone: true }, body);
}
