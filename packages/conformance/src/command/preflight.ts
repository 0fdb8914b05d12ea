import { probe } from '../probe.js';
import { runWireTest } from '../run-wire-test.js';
import { type Target } from '../target.js';
import { versionNames, type WireTest } from '../wire-test.js';
import { UsageError } from './arguments.js';

type Version = WireTest['version'];

/**
 * The versions to judge: those that are wanted, or all that the target speaks.
 *
 * @throws UsageError if there is nothing to judge: no connection, no answer, a refusal, or not even one message comes through
 */
export async function chooseVersions(target: Target, wanted: readonly Version[], timeoutMilliseconds: number): Promise<Version[]> {
  const chosen: Version[] = [];
  const refusals: string[] = [];
  for (const version of wanted.length > 0 ? wanted : ([5, 4, 3] as const)) {
    const { outcome, text } = await probe(target, version, timeoutMilliseconds);
    if (outcome === 'accepted') chosen.push(version);
    // Whoever cannot be reached, says nothing, or speaks another protocol does so for every version.
    else if (outcome !== 'otherVersion' || wanted.length > 0) throw new UsageError(`${target.name}: ${text}${advice(outcome)}`);
    else refusals.push(text);
  }
  if (chosen.length === 0) throw new UsageError(`${target.name}: ${refusals.join('; ')}`);
  for (const version of chosen) await requireExchange(target, version, timeoutMilliseconds);
  return chosen;
}

function advice(outcome: string): string {
  return outcome === 'refused' ? ' (--username and --password, or a target file, give credentials)' : '';
}

/** One message from a publisher to a subscriber. Where that fails, hundreds of verdicts would say no more. */
async function requireExchange(target: Target, version: Version, timeoutMilliseconds: number): Promise<void> {
  const test: WireTest = {
    version,
    ids: [],
    title: 'a message comes through',
    needs: [],
    run: async (context) => {
      const { subscriber, publisher, topic } = await context.pair();
      await publisher.publish({ topic, payload: 'x' });
      await subscriber.receive();
    },
  };
  const verdict = await runWireTest(test, target, { timeoutMilliseconds });
  if (verdict.verdict !== 'broken') return;
  const topics = `${target.settings.topicPrefix ?? ''}si…/t…`;
  throw new UsageError(
    `${target.name}: no message of ${versionNames[version]} comes through on topics like ${topics}: ${verdict.reason} (--topic-prefix, --username and --password may help)`,
  );
}
