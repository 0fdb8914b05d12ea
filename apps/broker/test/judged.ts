import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkHistory, type HistoryEvent, type Judgement, type Workload } from '@si-mqtt/conformance';
import { expect } from 'vitest';

/** What a broker counted, and what its clients cannot see: messages that it dropped, and wills and publications that it refused. */
export interface Counted {
  readonly dropped?: number;
  readonly refusedWills?: number;
  readonly refused?: number;
}

/** Who was tried. */
export interface Accused {
  counted(): Counted | Promise<Counted>;
  /** The last lines of its log. */
  readonly said?: readonly string[];
}

/**
 * Ends the workload, lets all that is due come, and judges what its clients saw. If anything is wrong, the failure names a file with the whole
 * history.
 */
export async function judged(workload: Workload, work: Promise<void>, accused: Accused): Promise<Judgement['judged']> {
  workload.end();
  await work;
  await workload.settle();
  note(workload, await accused.counted());
  const { violations, judged } = checkHistory(workload.events);
  expect(violations, violations.length === 0 ? '' : `history: ${kept(workload.events, accused.said ?? [])}`).toEqual([]);
  return judged;
}

/** Nothing that was counted is no excuse. */
export function note({ recorder }: Workload, { dropped = 0, refusedWills = 0, refused = 0 }: Counted): void {
  if (dropped > 0) recorder.note({ note: 'dropped', count: dropped });
  if (refusedWills > 0) recorder.note({ note: 'dropped', rule: 'willMissing', count: refusedWills });
  if (refused > 0) recorder.note({ note: 'refused', count: refused });
}

/** A file for whoever looks into it: what happened, one event on each line, and the log. */
function kept(events: readonly HistoryEvent[], said: readonly string[]): string {
  const file = join(mkdtempSync(join(tmpdir(), 'si-mqtt-history-')), 'history.json');
  const lines = (entries: readonly unknown[]) => `[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`;
  writeFileSync(file, `{"events": ${lines(events)}, "log": ${lines(said)}}\n`);
  return file;
}
