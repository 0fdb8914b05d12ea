import { type Target } from './target.js';
import { hexadecimal } from './wire/bytes.js';
import { reasonCodeText } from './wire/reason-codes.js';
import { WireContext } from './wire-context.js';
import { versionNames, type WireTest } from './wire-test.js';

type Version = WireTest['version'];

export interface ProbeAnswer {
  /** `otherVersion`: it speaks MQTT, but not this version of it, or closes without saying why. */
  readonly outcome: 'accepted' | 'otherVersion' | 'refused' | 'silent' | 'notMqtt' | 'unreachable';
  /** For people, without the target's name. */
  readonly text: string;
}

/** What the target answers to an ordinary CONNECT. Never rejects, and takes a little more than the timeout at most. */
export async function probe(target: Target, version: Version, timeoutMilliseconds: number): Promise<ProbeAnswer> {
  const context = new WireContext(version, target, timeoutMilliseconds);
  try {
    const client = await context.open();
    client.send(context.connectBytes());
    return judge(await client.rawBeginning(4), client.isClosed, version, timeoutMilliseconds);
  } catch (error) {
    return { outcome: 'unreachable', text: (error as Error).message };
  } finally {
    await context.cleanUp();
  }
}

function judge(answer: Buffer, isClosed: boolean, version: Version, timeoutMilliseconds: number): ProbeAnswer {
  if (answer.length === 0) {
    return isClosed
      ? { outcome: 'otherVersion', text: `it closes the connection after CONNECT of ${versionNames[version]}` }
      : { outcome: 'silent', text: `it takes the connection, but does not answer CONNECT within ${timeoutMilliseconds / 1000} s` };
  }
  if (answer.length < 4 || answer[0] !== 0x20) {
    return { outcome: 'notMqtt', text: `it does not speak MQTT: the answer to CONNECT begins with ${hexadecimal(answer, 16)}` };
  }
  const code = answer[3];
  if (code === 0) return { outcome: 'accepted', text: '' };
  // A server that knows no 5.0 answers in the form of 3.1.1, with return code 1.
  if (code === 0x84 || code === 1) return { outcome: 'otherVersion', text: `it does not accept ${versionNames[version]}` };
  return { outcome: 'refused', text: `it refuses CONNECT with ${reasonCodeText(code, code < 0x80 ? 4 : 5, 'CONNACK')}` };
}
