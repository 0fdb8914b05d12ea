import { Decoder, encode, type Packet, ProtocolError, type PublishPacket } from '@si-mqtt/codec';

/** What came in. A payload is a view that is valid until `receive` returns: whoever keeps it copies it. */
export const received: string[] = [];

function receive(packet: Packet): void {
  if (packet.type === 'publish') received.push(`${packet.topicName}: ${new TextDecoder().decode(packet.payload)}`);
  else received.push(packet.type);
}

// A decoder of a server: the first packet has to be CONNECT, and tells the version. One options object serves all connections.
const options = { from: 'client', maximumPacketSize: 1_048_576, propertiesMax: 100, topicLevelsMax: 64 } as const;
const decoder = new Decoder({ receive }, options);

const connect: Packet = { type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 30, clientId: 'lamp' };
const publish: PublishPacket = {
  type: 'publish',
  dup: false,
  qos: 1,
  retain: false,
  topicName: 'lamp/state',
  packetId: 1,
  payload: new TextEncoder().encode('on'),
  properties: { contentType: 'text/plain' },
};

// Chunks may be cut anywhere.
decoder.push(encode(connect, 5));
const bytes = encode(publish, 5);
decoder.push(bytes.subarray(0, 7));
decoder.push(bytes.subarray(7));

/** The reason code to close the connection with. */
export let refusal = 0;
try {
  decoder.push(Uint8Array.of(0x36, 0x03, 0x00, 0x01, 0x61)); // PUBLISH with QoS 3.
} catch (error) {
  if (!(error instanceof ProtocolError)) throw error;
  refusal = error.reasonCode;
}
