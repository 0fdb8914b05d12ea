import { afterAll, beforeAll, describe, test } from 'vitest';
import { runWireTest } from './run-wire-test.js';
import { type Target } from './target.js';
import { exchangeText } from './wire/exchange.js';
import { nameOf, versionNames, type WireTest } from './wire-test.js';
import { wireTests } from './wire-tests.js';

export { type ClusterSuiteOptions, type ClusterUnderTest, clusterSuite } from './ports/cluster-suite.js';
export { type JournalUnderTest } from './ports/journal-run.js';
export { type JournalSuiteOptions, journalSuite } from './ports/journal-suite.js';
export { type RetainedStoreSuiteOptions, retainedStoreSuite, type StoreUnderTest } from './ports/retained-store-suite.js';
export { type SessionStoreSuiteOptions, sessionStoreSuite } from './ports/session-store-suite.js';

export interface ConformanceSuiteOptions {
  /** For the report; default `conformance`. */
  readonly name?: string;
  /** Starts the broker once for the whole suite. */
  readonly start: () => Promise<{ readonly target: Target; readonly stop: () => Promise<void> }>;
  /** Tests that are not run, by statement id or by a test's whole title, each with its reason. An entry that matches nothing fails. */
  readonly skip?: readonly { readonly id?: string; readonly title?: string; readonly reason: string }[];
  /** Milliseconds after which an answer counts as missing; default 3000. */
  readonly timeoutMilliseconds?: number;
}

/** Registers one vitest test for every wire test and version, against one broker. */
export function conformanceSuite(options: ConformanceSuiteOptions): void {
  const skip = options.skip ?? [];
  const matches = (entry: (typeof skip)[number], one: WireTest) =>
    (entry.id === undefined || one.ids.includes(entry.id)) && (entry.title === undefined || one.title === entry.title);
  for (const entry of skip) {
    if (!wireTests.some((one) => matches(entry, one))) throw new Error(`nothing to skip for ${entry.id ?? ''} ${entry.title ?? ''}`);
  }
  describe(options.name ?? 'conformance', () => {
    let broker: Awaited<ReturnType<ConformanceSuiteOptions['start']>> | undefined;
    beforeAll(async () => {
      broker = await options.start();
    });
    afterAll(() => broker?.stop());
    for (const version of [3, 4, 5] as const) {
      describe.concurrent(versionNames[version], () => {
        for (const one of wireTests.filter((candidate) => candidate.version === version)) {
          const reason = skip.find((entry) => matches(entry, one))?.reason;
          test(nameOf(one), async (context) => {
            if (reason !== undefined) context.skip(reason);
            const verdict = await runWireTest(one, broker!.target, { timeoutMilliseconds: options.timeoutMilliseconds });
            if (verdict.verdict === 'broken')
              throw new Error(`${verdict.reason}\n${exchangeText(verdict.exchange)}`, { cause: verdict.error });
            if (verdict.verdict !== 'holds') context.skip(verdict.reason);
          });
        }
      });
    }
  });
}
