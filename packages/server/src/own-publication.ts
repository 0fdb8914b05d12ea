import { Decoder, encode } from '@si-mqtt/codec';
import { type MessageContent } from '@si-mqtt/session';

/**
 * What the program that runs the server publishes must be what a client could, before anything of it is retained or delivered: nobody could be sent it.
 *
 * @throws RangeError if it is not
 */
export function checkContent({ topicName, qos, retain, properties = {} }: MessageContent): void {
  const packet = { type: 'publish', topicName, payload: new Uint8Array(0), qos, retain, dup: false, packetId: qos === 0 ? 0 : 1 } as const;
  const decoder = new Decoder({ receive: () => undefined }, { from: 'client', protocolVersion: 5, maximumPacketSize: Infinity });
  try {
    if (properties.topicAlias !== undefined) throw new RangeError('a Topic Alias belongs to one connection');
    decoder.push(encode({ ...packet, properties }, 5));
  } catch (error) {
    throw new RangeError(`no client could publish this: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
