import { probe } from './probe.js';
import { type RunOptions, runWireTest, type Verdict } from './run-wire-test.js';
import { type Target } from './target.js';
import { versionNames, type WireTest } from './wire-test.js';

export interface TestResult {
  readonly test: WireTest;
  readonly verdict: Verdict;
  readonly milliseconds: number;
}

export interface RunAllOptions extends RunOptions {
  /** Tests at a time; default 4. Each has its own client ids and topics. */
  readonly concurrency?: number;
  readonly onStart?: (test: WireTest) => void;
  readonly onResult?: (result: TestResult) => void;
}

export interface RunAllResult {
  /** In the order of the tests; those that did not come to an end are missing. */
  readonly results: readonly TestResult[];
  /** Why some are missing. */
  readonly stopped?: Error;
}

/** The broker answers no more. */
export class TargetLost extends Error {
  override readonly name = 'TargetLost';
}

const probesMax = 3;
const probePauseMilliseconds = 500;

/**
 * Runs the tests against one broker, several at a time. Stops when `signal` says so, or when the broker is gone: after each
 * test that is broken it must still accept a CONNECT. What the tests left is removed before this resolves; it never rejects.
 */
export async function runWireTests(tests: readonly WireTest[], target: Target, options: RunAllOptions = {}): Promise<RunAllResult> {
  const { concurrency = 4, timeoutMilliseconds = 3000, onStart, onResult } = options;
  const results = new Map<WireTest, TestResult>();
  const running = new Set<WireTest>();
  const own = new AbortController();
  const signal = options.signal === undefined ? own.signal : AbortSignal.any([options.signal, own.signal]);
  let next = 0;

  const work = async (): Promise<void> => {
    while (next < tests.length && !signal.aborted) {
      const test = tests[next++];
      running.add(test);
      onStart?.(test);
      const begun = performance.now();
      const verdict = await runWireTest(test, target, { ...options, signal });
      const milliseconds = Math.round(performance.now() - begun);
      if (verdict.verdict === 'broken') await requireLife(test);
      running.delete(test);
      const result = { test, verdict, milliseconds };
      results.set(test, result);
      onResult?.(result);
    }
  };

  const requireLife = async ({ version }: WireTest): Promise<void> => {
    for (let count = 1; ; count++) {
      const answer = await probe(target, version, timeoutMilliseconds);
      if (answer.outcome === 'accepted' || signal.aborted) return;
      if (count < probesMax) {
        await new Promise((resolve) => setTimeout(resolve, probePauseMilliseconds));
        continue;
      }
      const names = [...running].map((test) => `${versionNames[test.version]} ${test.ids.join(' ')}`).join(', ');
      const lost = new TargetLost(`the target accepts no connection any more (${answer.text}) since one of these tests: ${names}`);
      own.abort(lost);
      throw lost;
    }
  };

  await Promise.allSettled(Array.from({ length: concurrency }, work));
  return {
    results: tests.map((test) => results.get(test)).filter((result) => result !== undefined),
    ...(signal.aborted ? { stopped: signal.reason as Error } : {}),
  };
}
