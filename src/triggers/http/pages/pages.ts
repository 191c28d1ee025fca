/** Every page people see, to be mounted at '/'. */

import { Hono } from 'hono';
import type { Web } from '../web.ts';
import { actionPages } from './action.ts';
import { assets } from './assets.ts';
import { capturePages } from './capture.ts';
import { entrancePages } from './entrance.ts';
import { insightPages } from './insights.ts';
import { loopPages } from './loop.ts';
import { minePages } from './mine.ts';
import { rightsPages } from './rights.ts';
import { signInPages } from './signIn.ts';
import { sessionPages } from './sessions.ts';
import { signalPages } from './signals.ts';
import { startPages } from './start.ts';
import { storyPages } from './story.ts';
import { taskPages } from './tasks.ts';
import { answerTroubles } from './troubles.ts';
import { customerPages } from './yours.ts';

export function pages(web: Web): Hono {
  const app = new Hono();
  app.onError(answerTroubles(web));
  for (const part of [
    assets(),
    startPages(web),
    signInPages(web),
    sessionPages(web),
    capturePages(web),
    taskPages(web),
    minePages(web),
    signalPages(web),
    insightPages(web),
    entrancePages(web),
    actionPages(web),
    customerPages(web),
    rightsPages(web),
    storyPages(web),
  ]) {
    app.route('/', part);
  }
  app.route('/loop', loopPages(web));
  return app;
}
