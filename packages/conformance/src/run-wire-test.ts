import { meets, type Target } from './target.js';
import { NotObserved, WireContext } from './wire-context.js';
import { type WireTest } from './wire-test.js';

export type Verdict =
  | { readonly verdict: 'holds' }
  /** `error` says what was expected, what was sent and what came. */
  | { readonly verdict: 'broken'; readonly error: Error }
  /** The target lacks a setting that the test needs, or gave no occasion to see the statement at work. */
  | { readonly verdict: 'notConfigurable' | 'notObserved'; readonly reason: string };

/** Runs one test against a broker and removes what it left there. An answer that takes longer than `timeoutMilliseconds` counts as missing. */
export async function runWireTest(test: WireTest, target: Target, timeoutMilliseconds: number = 3000): Promise<Verdict> {
  const missing = test.needs.filter((need) => !meets(target, need));
  if (missing.length > 0) return { verdict: 'notConfigurable', reason: `${target.name} has no ${missing.join(', ')}` };
  const context = new WireContext(test.version, target, timeoutMilliseconds);
  try {
    await test.run(context);
    return { verdict: 'holds' };
  } catch (error) {
    if (error instanceof NotObserved) return { verdict: 'notObserved', reason: error.message };
    return { verdict: 'broken', error: error instanceof Error ? error : new Error(String(error)) };
  } finally {
    await context.cleanUp();
  }
}
