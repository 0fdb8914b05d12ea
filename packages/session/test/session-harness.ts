import {
  type AcknowledgementType,
  type ConnectPacket,
  copyPublishFrame,
  type DecodedPublish,
  Decoder,
  encode,
  type Packet,
  type ProtocolVersion,
  type PublishFrame,
  type PublishPacket,
  type ReasonCode,
} from '@si-mqtt/codec';
import {
  type Capabilities,
  DropCounters,
  defaultSessionLimits,
  type Env,
  fullCapabilities,
  MemorySessions,
  Message,
  type MessageContent,
  type Negotiated,
  negotiate,
  type Output,
  type PublishTarget,
  Session,
  type SessionLimits,
  type SessionSurroundings,
} from '../src/index.js';

/** Time that tests move. */
export class TestEnv implements Env {
  time = 1_700_000_000_000;
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
  random(): number {
    return 0.5;
  }
  sleep(): Promise<void> {
    return Promise.resolve();
  }
}

/** A client's end: decodes what the session sends, byte by byte as it would be on the wire. */
export class TestOutput implements Output {
  writable = true;
  pumpRequests = 0;
  /** The batch that packets wait for, if this were a connection. */
  heldFor = 0;
  readonly waiting: { readonly batch: number; readonly call: () => void }[] = [];
  readonly packets: Packet[] = [];
  private readonly decoder: Decoder;
  private readonly protocolVersion: ProtocolVersion;

  constructor(protocolVersion: ProtocolVersion) {
    this.protocolVersion = protocolVersion;
    this.decoder = new Decoder(
      { receive: (packet) => this.packets.push(packet.type === 'publish' ? plain(packet) : packet) },
      { from: 'server', maximumPacketSize: 1e8, protocolVersion },
    );
  }

  sendPublish(frame: PublishFrame, firstByte: number, packetId: number, messageExpiryInterval: number): void {
    const target = new Uint8Array(frame.end - frame.start);
    copyPublishFrame(frame, firstByte, packetId, messageExpiryInterval, target, 0);
    this.decoder.push(target);
  }

  sendAcknowledgement(type: AcknowledgementType, packetId: number, reasonCode: ReasonCode): void {
    this.send({ type, packetId, reasonCode });
  }

  send(packet: Packet): void {
    this.decoder.push(encode(packet, this.protocolVersion));
  }

  requestPump(): void {
    this.pumpRequests++;
  }

  hold(batch: number): void {
    this.heldFor = batch;
  }

  whenCommitted(batch: number, call: () => void): void {
    this.waiting.push({ batch, call });
  }

  take(): Packet[] {
    return this.packets.splice(0);
  }

  takePublishes(): PublishPacket[] {
    return this.take().filter((packet) => packet.type === 'publish');
  }
}

function plain(packet: PublishPacket): PublishPacket {
  const { type, dup, qos, retain, topicName, packetId, properties } = packet;
  return {
    type,
    dup,
    qos,
    retain,
    topicName,
    packetId,
    payload: packet.payload.slice(),
    ...(properties === undefined ? {} : { properties }),
  };
}

export interface HarnessOptions {
  limits?: Partial<SessionLimits>;
  capabilities?: Partial<Capabilities>;
}

export class Harness {
  readonly env: TestEnv = new TestEnv();
  readonly drops: DropCounters = new DropCounters();
  readonly limits: SessionLimits;
  readonly capabilities: Capabilities;
  readonly surroundings: SessionSurroundings;
  readonly sessions: MemorySessions = new MemorySessions(this.env);
  readonly published: Message[] = [];
  answer: ReasonCode | -1 = 0;
  readonly target: PublishTarget = {
    publish: (message) => {
      this.published.push(message.keep());
      return this.answer;
    },
  };

  constructor(options: HarnessOptions = {}) {
    this.limits = { ...defaultSessionLimits, ...options.limits };
    this.capabilities = { ...fullCapabilities, ...options.capabilities };
    this.surroundings = { env: this.env, limits: this.limits, drops: this.drops, isOverloaded: false };
  }

  connectPacket(change: Partial<ConnectPacket> = {}): ConnectPacket {
    return { type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 0, clientId: 'c', ...change };
  }

  negotiate(connect: ConnectPacket): Negotiated {
    const negotiated = negotiate(connect, {
      limits: this.limits,
      capabilities: this.capabilities,
      assignClientId: () => 'assigned',
      responseTopicPrefix: 'responses/%c',
    });
    if ('refused' in negotiated) throw new Error(`refused with ${negotiated.refused}: ${negotiated.reasonString}`);
    return negotiated;
  }

  /** A connected session and its client's end. */
  async open(change: Partial<ConnectPacket> = {}): Promise<{ session: Session; output: TestOutput }> {
    const connect = this.connectPacket(change);
    const negotiated = this.negotiate(connect);
    const lease = await this.sessions.acquire({
      clientId: negotiated.clientId,
      userName: undefined,
      cleanStart: connect.cleanStart,
    });
    const session = new Session(lease, undefined, negotiated, this.surroundings);
    return { session, output: this.attach(session, change) };
  }

  attach(session: Session, change: Partial<ConnectPacket> = {}): TestOutput {
    const connect = this.connectPacket(change);
    const negotiated = this.negotiate(connect);
    const output = new TestOutput(connect.protocolVersion);
    session.attach(output, session.lease, connect, negotiated, this.capabilities);
    session.outbound.pump();
    return output;
  }

  message(change: Partial<MessageContent> & { text?: string } = {}): Message {
    const { text = 'x', ...content } = change;
    const publisher = { clientId: 'publisher', userName: undefined };
    return Message.of(
      { topicName: 't', payload: new TextEncoder().encode(text), qos: 1, retain: false, ...content },
      publisher,
      this.env.now(),
    );
  }

  /** What the client publishes, as bytes through the codec. */
  receive(session: Session, packet: Omit<PublishPacket, 'type' | 'dup' | 'retain'> & { dup?: boolean; retain?: boolean }): void {
    const version = session.agreement.protocolVersion;
    const chunk = encode({ type: 'publish', dup: false, retain: false, ...packet }, version);
    new Decoder(
      { receive: (decoded) => session.inbound.receivePublish(decoded as DecodedPublish, session, this.target) },
      { from: 'client', maximumPacketSize: 1e8, protocolVersion: version },
    ).push(chunk);
    chunk.fill(0xee); // Views into the chunk are over.
  }
}

export function texts(packets: readonly PublishPacket[]): string[] {
  return packets.map((packet) => new TextDecoder().decode(packet.payload));
}
