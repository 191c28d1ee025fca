/** The leaders' numbers once more, the slow and obvious way: plain rows in, counting in TypeScript. What the report says must equal this. */

import { z } from 'zod';
import { sql, type Pool } from '../../src/store/pool.ts';

type Row = Record<string, any>;

/** Every row of the tables that the numbers come from. */
export async function plainRows(pool: Pool): Promise<Record<string, Row[]>> {
  const tables = [
    'loops', 'rounds', 'signals', 'triages', 'reviews', 'follow_ups', 'calls', 'promises', 'insights', 'insight_signals', 'decisions',
    'decision_evidence', 'withdrawals', 'tellings', 'told_signals', 'confirmations', 'closures', 'acknowledgements', 'ownerships', 'deliveries',
    'erasures', 'erased_signals',
  ]; // prettier-ignore
  const all: Record<string, Row[]> = {};
  for (const table of tables) {
    all[table] = [
      ...(await pool.any(sql.type(z.record(z.string(), z.any()))`select * from ${sql.identifier([table])}`)),
    ];
  }
  return all;
}

export function recount(
  rows: Record<string, Row[]>,
  asked: { from: Date; to: Date; now: Date; sample: boolean; place?: string },
) {
  const { now, sample } = asked;
  const of = (table: string) => rows[table]!;
  const loop = new Map(of('loops').map((row) => [row['id'], row]));
  const isAsked = (id: string): boolean =>
    loop.get(id)!['sample'] === sample && (asked.place === undefined || loop.get(id)!['place'] === asked.place);
  const inPeriod = (at: Date): boolean => at >= asked.from && at < asked.to && at < now;

  // Insights and their dates.
  const withdrawn = new Set(of('withdrawals').map((row) => row['decision_id']));
  const standing = (insightId: string): Row | undefined =>
    of('decisions')
      .filter((d) => d['insight_id'] === insightId && !withdrawn.has(d['id']))
      .sort((a, b) => b['version'] - a['version'])[0];
  const used = { due: 0, citing: 0, otherwise: 0, postponed: 0, undecided: 0, inTime: 0 };
  for (const insight of of('insights').filter((i) => isAsked(i['id']))) {
    if (of('closures').some((z) => z['loop_id'] === insight['id'] && (z['how'] === 'joined' || z['how'] === 'erased')))
      continue;
    const putOff = of('decisions').filter(
      (d) => d['insight_id'] === insight['id'] && d['outcome'] === 'deferred' && !withdrawn.has(d['id']),
    );
    const dates = [insight['decide_by'], ...putOff.map((d) => d['wake_at'])].filter(inPeriod).sort((a, b) => a - b);
    if (dates.length === 0) continue;
    used.due += 1;
    const decision = standing(insight['id']);
    if (decision && decision['outcome'] !== 'deferred') {
      if (of('decision_evidence').some((e) => e['decision_id'] === decision['id'])) used.citing += 1;
      else used.otherwise += 1;
      if (decision['decided_at'] <= dates[0]) used.inTime += 1;
    } else if (decision && decision['wake_at'] > now) used.postponed += 1;
    else used.undecided += 1;
  }

  // The last word of each round, and what the customer said to it.
  const lastWord = (signal: Row, round: number) => {
    const triage = of('triages').find((t) => t['signal_id'] === signal['id']);
    const review = of('reviews').find((t) => t['signal_id'] === signal['id']);
    const course = review?.['course'] ?? triage?.['course'];
    const calls = of('calls').filter((c) => c['loop_id'] === signal['id'] && c['round'] === round);
    const isWrong = (purpose: string): boolean =>
      calls
        .filter((c) => c['purpose'] === purpose && c['outcome'] !== 'no_reply')
        .sort((a, b) => b['called_at'] - a['called_at'])[0]?.['outcome'] === 'wrong_number';
    let word:
      | { purpose: string; occasion: string; channel: string | null; at: Date; outcome?: string; decidedAt?: Date }
      | undefined;
    if (round === 1 && course === 'decide') {
      const tellings = of('told_signals')
        .filter((t) => t['signal_id'] === signal['id'] && t['reason'] !== 'closed')
        .map((t): Row => ({ ...t, decision: of('decisions').find((d) => d['id'] === t['decision_id']) }))
        .filter((t) => loop.get(t['decision']['insight_id'])!['sample'] === loop.get(signal['id'])!['sample'])
        .sort(
          (a, b) =>
            Number(a['reason'] === 'told_before') - Number(b['reason'] === 'told_before') ||
            b['decision']['decided_at'] - a['decision']['decided_at'],
        );
      const told = tellings[0];
      const telling = told && of('tellings').find((t) => t['id'] === told['telling_id']);
      if (told) {
        const { outcome, decided_at } = told['decision'];
        const call = calls
          .filter((c) => c['purpose'] === 'told' && c['outcome'] !== 'no_reply')
          .sort((a, b) => a['called_at'] - b['called_at'])[0];
        const at = telling?.['channel'] === 'phone' ? call?.['called_at'] : told['settled_at'];
        // Who was to be called and could not be reached any more was told nothing, and could not be asked.
        const uncalled = of('closures').find(
          (z) => z['loop_id'] === signal['id'] && z['round'] === round && z['how'] === 'nobody_to_reach',
        );
        if (at ?? uncalled)
          word = {
            purpose: 'told',
            occasion: told['decision_id'],
            channel: (at && telling?.['channel']) ?? null,
            at: at ?? uncalled!['closed_at'],
            outcome,
            decidedAt: decided_at,
          };
      }
    } else {
      const answer = of('follow_ups').find((f) => f['loop_id'] === signal['id'] && f['round'] === round);
      if (answer)
        word = {
          purpose: 'answer',
          occasion: answer['id'],
          channel: answer['channel'] === 'none' ? null : answer['channel'],
          at: answer['followed_up_at'],
        };
    }
    if (!word) return undefined;
    let askedAt: Date | undefined;
    let claimedAt: Date | undefined;
    if (word.channel === 'email' && !loop.get(signal['id'])!['sample']) {
      // One in the place of another that did not arrive is the one that counts.
      const letter = of('deliveries')
        .filter(
          (d) =>
            d['customer_id'] === signal['customer_id'] &&
            d['purpose'] === word.purpose &&
            d['occasion'] === word.occasion,
        )
        .sort(
          (a, b) =>
            Number(b['loop_id'] === signal['id']) - Number(a['loop_id'] === signal['id']) ||
            b['planned_at'] - a['planned_at'],
        )[0];
      if (['sent', 'delivered'].includes(letter?.['state'])) askedAt = claimedAt = letter!['ended_at'];
      else if (letter?.['last_error_code'] === 'superseded') claimedAt = undefined;
      else if (['failed', 'bounced', 'complained', 'suppressed', 'cancelled', 'expired'].includes(letter?.['state']))
        claimedAt = letter!['ended_at'];
    } else {
      claimedAt = word.at;
      if (word.channel && !(word.channel === 'phone' && isWrong(word.purpose))) askedAt = word.at;
    }
    return { ...word, askedAt, claimedAt };
  };

  const replies = () => ({ rounds: 0, yes: 0, no: 0, silent: 0, waiting: 0, couldNotBeAsked: 0 });
  const claimed = replies();
  const afterDecline = replies();
  const promises = { due: 0, kept: 0, late: 0, open: 0 };
  const reached = [0, 0, 0, 0, 0, 0];
  const waiting = [0, 0, 0, 0, 0, 0];
  const waits: number[][] = [[], [], [], [], [], []];
  const askedFor = of('erasures').filter((e) => e['cause'] === 'asked');
  const isErased = (signal: Row): boolean =>
    askedFor.some(({ customer_id: customer }) => customer !== null && customer === signal['customer_id']) ||
    of('erased_signals').some(
      (e) => e['signal_id'] === signal['id'] && askedFor.some(({ id }) => id === e['erasure_id']),
    );
  for (const signal of of('signals').filter((s) => isAsked(s['id']) && !isErased(s))) {
    const id = signal['id'];
    const rounds = of('rounds')
      .filter((r) => r['loop_id'] === id)
      .sort((a, b) => a['round'] - b['round']);
    const course =
      of('reviews').find((t) => t['signal_id'] === id)?.['course'] ??
      of('triages').find((t) => t['signal_id'] === id)?.['course'];
    let furthest = 0;
    for (const round of rounds) {
      const word = lastWord(signal, round['round']);
      const closure = of('closures').find((z) => z['loop_id'] === id && z['round'] === round['round']);
      const said = of('confirmations').filter((c) => c['loop_id'] === id && c['round'] === round['round']);
      const yes = said.find((c) => c['says'] === 'yes');
      const no = said.find((c) => c['says'] === 'no');
      const claims = word?.claimedAt && closure?.['how'] !== 'dismissed';
      if (claims && inPeriod(word.claimedAt!)) {
        const to = word.outcome === 'declined' ? afterDecline : claimed;
        to.rounds += 1;
        if (no) to.no += 1;
        else if (yes) to.yes += 1;
        else if (!word.askedAt) to.couldNotBeAsked += 1;
        else if (closure?.['how'] === 'silent') to.silent += 1;
        else to.waiting += 1;
      }

      const decides = round['round'] === 1 && course === 'decide';
      const answer = of('follow_ups').find(
        (f) => f['loop_id'] === id && f['round'] === round['round'] && f['channel'] !== 'none',
      );
      const toldAt = decides && claims ? word.askedAt : undefined;
      const earliest = (...dates: (Date | undefined)[]) =>
        dates.filter((d) => d !== undefined).sort((a, b) => a.getTime() - b.getTime())[0];
      const answeredAt = earliest(answer?.['followed_up_at'], toldAt);
      const taken = of('acknowledgements')
        .filter((a) => a['loop_id'] === id && a['round'] === round['round'])
        .map((a) => a['acknowledged_at']);
      const ownedAt = earliest(...taken, answeredAt);
      const joined = of('insight_signals')
        .filter((x) => x['signal_id'] === id)
        .sort((a, b) => b['joined_at'] - a['joined_at'])[0];
      const decision = decides && joined ? standing(joined['insight_id']) : undefined;
      const decidedAt = decides
        ? (toldAt && word?.decidedAt) ||
          (decision && decision['outcome'] !== 'deferred' ? decision['decided_at'] : undefined)
        : undefined;
      const confirmedAt = claims && word.outcome !== 'declined' && yes && !no ? yes['confirmed_at'] : undefined;
      const step = confirmedAt
        ? 5
        : toldAt || (answeredAt && !decides)
          ? 4
          : answeredAt && decidedAt
            ? 3
            : answeredAt
              ? 2
              : ownedAt
                ? 1
                : 0;
      furthest = Math.max(furthest, step);
      if (inPeriod(signal['captured_at'])) {
        if (ownedAt) waits[1]!.push(ownedAt.getTime() - round['opened_at'].getTime());
        if (answeredAt && ownedAt) waits[2]!.push(answeredAt.getTime() - ownedAt.getTime());
        if (answeredAt && decidedAt) waits[3]!.push(Math.max(0, decidedAt.getTime() - answeredAt.getTime()));
        if (toldAt && decidedAt) waits[4]!.push(toldAt.getTime() - decidedAt.getTime());
        if (confirmedAt) waits[5]!.push(confirmedAt - word!.claimedAt!.getTime());
      }

      const promise = answer && of('promises').find((p) => p['follow_up_id'] === answer['id']);
      if (promise && inPeriod(promise['due_at'])) {
        const heard = [
          toldAt,
          ...of('calls')
            .filter((c) => c['loop_id'] === id && c['outcome'] === 'reached')
            // In the place of a letter that did not arrive it says what that would have said.
            .filter((c) => c['round'] !== round['round'] || c['purpose'] !== 'answer')
            .map((c) => c['called_at']),
          ...rounds
            .filter((r) => r['round'] >= round['round'])
            .flatMap((r) => {
              const later = lastWord(signal, r['round']);
              const yesAt = of('confirmations').find(
                (c) => c['loop_id'] === id && c['round'] === r['round'] && c['says'] === 'yes',
              )?.['confirmed_at'];
              return [r['round'] > round['round'] ? later?.askedAt : undefined, later?.claimedAt ? yesAt : undefined];
            }),
        ]
          .filter((at) => at && at > promise['promised_at'])
          .sort((a, b) => a - b)[0];
        promises.due += 1;
        if (heard && heard <= promise['due_at']) promises.kept += 1;
        else if (heard) promises.late += 1;
        else promises.open += 1;
      }
    }
    if (!inPeriod(signal['captured_at'])) continue;
    for (let step = 0; step <= furthest; step++) reached[step]! += 1;
    const last = rounds.at(-1)!['round'];
    const open = !of('closures').some((z) => z['loop_id'] === id && z['round'] === last);
    if (open && furthest < 5) waiting[furthest + 1]! += 1;
  }
  return { used, claimed, afterDecline, promises, reached, waiting, waits };
}
