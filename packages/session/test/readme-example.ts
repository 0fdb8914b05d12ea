import { copyPublishFrame, encode, type Packet, type PublishFrame, type ReasonCode } from '@si-mqtt/codec';
import {
  DropCounters,
  defaultSessionLimits,
  fullCapabilities,
  MemorySessions,
  Message,
  negotiate,
  type Output,
  Session,
} from '@si-mqtt/session';

/** The way to the client: here an array, in a server a socket. */
class Wire implements Output {
  readonly writable = true;
  readonly written: Uint8Array[] = [];

  sendPublish(frame: PublishFrame, firstByte: number, packetId: number, messageExpiryInterval: number): void {
    const bytes = new Uint8Array(frame.end - frame.start);
    copyPublishFrame(frame, firstByte, packetId, messageExpiryInterval, bytes, 0);
    this.written.push(bytes);
  }
  sendAcknowledgement(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number, reasonCode: ReasonCode): void {
    this.send({ type, packetId, reasonCode });
  }
  send(packet: Packet): void {
    this.written.push(encode(packet, 5));
  }
  requestPump(): void {}
  // Without a journal there is nothing to wait for.
  hold(): void {}
  whenCommitted(): void {}
}

// Time and randomness come from outside: with these, every run is the same.
const env = { now: () => 0, monotonic: () => 0, random: () => 0.5, sleep: () => Promise.resolve() };

const connect = {
  type: 'connect',
  protocolVersion: 5,
  cleanStart: false,
  keepAlive: 30,
  clientId: 'lamp',
  properties: { sessionExpiryInterval: 3600 },
} as const;
const negotiated = negotiate(connect, {
  limits: defaultSessionLimits,
  capabilities: fullCapabilities,
  assignClientId: () => 'assigned',
  responseTopicPrefix: undefined,
});
if ('refused' in negotiated) throw new Error(negotiated.reasonString);

const lease = await new MemorySessions(env).acquire({ ...negotiated, userName: undefined });
const session = new Session(lease, undefined, negotiated, { env, limits: defaultSessionLimits, drops: new DropCounters() });

// A message is delivered at QoS 1, and the connection is lost before its PUBACK.
export const first: Wire = new Wire();
session.attach(first, lease, connect, negotiated, fullCapabilities);
const publisher = { clientId: 'switch', userName: undefined };
const payload = new TextEncoder().encode('on');
session.deliver(
  Message.of({ topicName: 'lamp/state', payload, qos: 1, retain: false }, publisher, env.now()),
  1,
  false,
  undefined,
  undefined,
);
session.detach('lost');

// The client comes back: the same packet identifier, with DUP. Its PUBACK ends the delivery.
export const second: Wire = new Wire();
session.attach(second, lease, connect, negotiated, fullCapabilities);
session.outbound.pump();
session.outbound.receivePuback(1);
export const inflightAtTheEnd: number = session.inflightCount;
