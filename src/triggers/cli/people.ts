/** heed invite: a link by which somebody signs in, once, without a mail server. */

import type { Command } from 'commander';
import { DomainError } from '../../domain/errors.ts';
import { linkTo } from '../../domain/links.ts';
import { momentOf } from '../../store/records/clock.ts';
import { recordDoorAct } from '../../store/records/doorActs.ts';
import { makeLink } from '../../store/records/links.ts';
import { staffByCode } from '../../store/records/staff.ts';
import { inPlace } from './place.ts';
import { sayJson, type Terminal } from './terminal.ts';

const lifeMs = 24 * 3600_000;

export function addInvite(program: Command, terminal: Terminal): void {
  program
    .command('invite')
    .description('print a sign-in link for somebody in the company file: for one use, within a day')
    .requiredOption('--staff <code>', 'whom')
    .option('--json', 'for programs')
    .action(async ({ staff, json }: { staff: string; json?: boolean }) => {
      const config = terminal.config();
      await inPlace(config, async ({ heed, pool, publicUrl }) => {
        const person = await staffByCode(pool, staff);
        if (!person) {
          const { company } = await heed.configuration();
          throw new DomainError(
            'not_found',
            `There is nobody called "${staff}". There are: ${Object.keys(company.staff).join(', ')}.`,
          );
        }
        const expiresAt = new Date((await momentOf(pool)).getTime() + lifeMs);
        const token = await pool.transaction(async (tx) => {
          await recordDoorAct(tx, { act: 'invited', staff, by: terminal.account });
          return makeLink(tx, { kind: 'sign_in', staff, expiresAt });
        });
        const link = linkTo(publicUrl, token);
        if (json) sayJson(terminal, { staff, link, expiresAt });
        else {
          terminal.say(link);
          terminal.say(`It lets ${person.name} in once, within a day. Give it to nobody else.`);
        }
        // As far as it is known here: the web decides, and says so on the page of the link.
        if (config.oidc?.secondFactorRequired)
          terminal.complain(
            'It opens nothing while SIGN_IN_SECOND_FACTOR_REQUIRED is true for the web, because a link is one factor. What to do while the sign-in service is away: docs/operating.md, "Who gets in".',
          );
      });
    });
}
