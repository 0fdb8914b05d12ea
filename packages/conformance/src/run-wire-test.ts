import { NotObserved } from './not-observed.js';
import { meets, type Target } from './target.js';
import { type ExchangeStep } from './wire/exchange.js';
import { WireContext } from './wire-context.js';
import { type WireTest } from './wire-test.js';

export type Verdict =
  | { readonly verdict: 'holds' }
  | Broken
  /** The target lacks a setting that the test needs, or gave no occasion to see the statement at work. */
  | { readonly verdict: 'notConfigurable' | 'notObserved'; readonly reason: string };

export interface Broken {
  readonly verdict: 'broken';
  /** What was expected. */
  readonly reason: string;
  /** What went over the wire last, on all connections of the test. */
  readonly exchange: readonly ExchangeStep[];
  readonly error: Error;
}

export interface RunOptions {
  /** An answer that takes longer counts as missing; default 3000. */
  readonly timeoutMilliseconds?: number;
  /** A test that takes longer is given up as broken; default 60000. */
  readonly testMillisecondsMax?: number;
  /** Gives the test up; what it left is removed all the same. */
  readonly signal?: AbortSignal;
}

/** Runs one test against a broker and removes what it left there. Rejects only with the reason of `signal`. */
export async function runWireTest(test: WireTest, target: Target, options: RunOptions = {}): Promise<Verdict> {
  const { timeoutMilliseconds = 3000, testMillisecondsMax = 60_000, signal } = options;
  signal?.throwIfAborted();
  const missing = test.needs.filter((need) => !meets(target, need));
  if (missing.length > 0) return { verdict: 'notConfigurable', reason: `the target has no ${missing.join(', ')}` };
  const context = new WireContext(test.version, target, timeoutMilliseconds);
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new Error(`the test did not end within ${testMillisecondsMax / 1000} seconds`)),
    testMillisecondsMax,
  );
  try {
    await unlessAborted(test.run(context), context, signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]));
    return { verdict: 'holds' };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof NotObserved) return { verdict: 'notObserved', reason: error.message };
    return broken(error instanceof Error ? error : new Error(String(error)), context);
  } finally {
    clearTimeout(timer);
    await context.cleanUp();
  }
}

/** The result of the test; when the signal comes first, its reason, and the test is left to fail unheard on its closed connections. */
async function unlessAborted(result: Promise<void>, context: WireContext, signal: AbortSignal): Promise<void> {
  let listener: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    listener = () => {
      context.giveUp();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', listener, { once: true });
  });
  try {
    await Promise.race([result, aborted]);
  } finally {
    signal.removeEventListener('abort', listener!);
    result.catch(() => undefined);
  }
}

function broken(error: Error, context: WireContext): Broken {
  return {
    verdict: 'broken',
    reason: error.message,
    exchange: context.exchange.steps(),
    error,
  };
}
