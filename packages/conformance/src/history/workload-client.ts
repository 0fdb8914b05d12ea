import { type Duplex } from 'node:stream';
import { type Connect } from '../target.js';
import { bytes, type Part } from '../wire/bytes.js';
import { property } from '../wire/properties.js';
import { acknowledge, connect, disconnect, pingreq, publish, subscribe, unsubscribe, type Version } from '../wire/requests.js';
import { type AcknowledgementPacket, type PublishPacket, type ServerPacket } from '../wire/server-packets.js';
import { StrictReader } from '../wire/strict-reader.js';
import { type EndedNote, type Result, type WillOfHistory } from './events.js';
import { type HistoryRecorder } from './recorder.js';

/** A PUBLISH of the client that is not finished; it outlives the connection as the session does. */
interface Unfinished {
  readonly operation: number;
  readonly bytes: (dup: boolean) => Buffer;
  isReleased: boolean;
  readonly done: () => void;
}

/** An answer that belongs to one connection. It is written down as soon as it is read: what follows it may be in the same chunk. */
interface Awaited {
  /** What the packet says, if it is the answer. */
  readonly judge: (packet: ServerPacket) => Result | 'refused' | undefined;
  readonly settle: (result: Result | 'refused' | 'unknown') => void;
}

interface Link {
  readonly number: number;
  readonly stream: Duplex;
  readonly reader: StrictReader;
  readonly awaited: Awaited[];
  /** DISCONNECT was sent, or another connection has taken its place: what still comes here is not looked at. */
  isLeft: boolean;
  isClosed: boolean;
  how: EndedNote['how'];
}

export interface WorkloadConnect {
  readonly cleanStart: boolean;
  readonly keepsSession: boolean;
  readonly will?: WillOfHistory;
}

export interface WorkloadPublish {
  readonly retain?: boolean;
  readonly deletes?: boolean;
  /** The payload is at least so long. */
  readonly bytes?: number;
}

/**
 * One client id, over many connections, that does what the specification asks of a client and writes down what it does and sees. Packets are
 * raw bytes, read by the strict reader.
 */
export class WorkloadClient {
  readonly name: string;
  readonly version: Version;
  private readonly recorder: HistoryRecorder;
  private link: Link | undefined;
  private readonly unfinished = new Map<number, Unfinished>();
  private lastPacketId = 0;
  /** Acknowledgements that are kept back. */
  private held: Buffer[] | undefined;
  /** Of the broker: so many publications may be unfinished. */
  private receiveMaximum = 65_535;
  /** What the broker sent and must not send. */
  breach: Error | undefined;

  constructor(name: string, version: Version, recorder: HistoryRecorder) {
    this.name = name;
    this.version = version;
    this.recorder = recorder;
  }

  get isConnected(): boolean {
    return this.link !== undefined && !this.link.isClosed;
  }

  get unfinishedCount(): number {
    return this.unfinished.size;
  }

  /** A new connection; an older one that is still open is taken over. Gives whether it was accepted. */
  async connect(to: Connect, options: WorkloadConnect): Promise<boolean> {
    const number = this.recorder.nextConnection();
    const { keepsSession, will } = options;
    // Before 5.0 one flag says both.
    const cleanStart = this.version === 5 ? options.cleanStart : !keepsSession;
    const old = this.link;
    this.held = undefined;
    this.link = undefined;
    if (cleanStart) this.forget();
    const operation = this.recorder.invoke({
      call: 'connect',
      client: this.name,
      connection: number,
      cleanStart,
      keepsSession,
      ...(will === undefined ? {} : { will }),
    });
    if (old !== undefined) old.isLeft = true;
    const stream = await to().catch(() => undefined);
    if (stream === undefined) {
      this.recorder.complete(operation, 'info');
      return false;
    }
    const link = this.open(number, stream);
    const result = await this.exchange(link, operation, this.connectBytes(cleanStart, options), (packet) => {
      if (packet.type !== 'connack') return undefined;
      this.receiveMaximum = packet.properties.receiveMaximum ?? 65_535;
      return packet.reasonCode === 0 ? { sessionPresent: packet.sessionPresent } : 'refused';
    });
    if (result === undefined) return false;
    this.link = link;
    // Whoever is taken over must not be served any more.
    if (old !== undefined) void this.pingOn(old);
    if (result.sessionPresent === true) this.sendAgain();
    else this.forget();
    return true;
  }

  private connectBytes(cleanStart: boolean, { keepsSession, will }: WorkloadConnect): Buffer {
    const delay = will === undefined || will.delaySeconds === 0 ? [] : [property.willDelayInterval(will.delaySeconds)];
    return connect(this.version, {
      clientId: this.name,
      cleanStart,
      properties: keepsSession ? [property.sessionExpiryInterval(3600)] : [],
      ...(will === undefined
        ? {}
        : { will: { topic: will.topic, payload: will.message, qos: will.qos, retain: will.retain, properties: delay } }),
    });
  }

  private open(number: number, stream: Duplex): Link {
    const link: Link = {
      number,
      stream,
      reader: new StrictReader(this.version),
      awaited: [],
      isLeft: false,
      isClosed: false,
      how: 'closed',
    };
    stream.on('data', (chunk: Buffer) => this.take(link, chunk));
    for (const event of ['end', 'close', 'error']) stream.on(event, () => this.closed(link));
    return link;
  }

  private take(link: Link, chunk: Buffer): void {
    if (link.isClosed) return;
    try {
      for (const packet of link.reader.read(chunk)) this.receive(link, packet);
    } catch (error) {
      this.breach ??= error as Error;
      link.stream.destroy();
    }
  }

  private receive(link: Link, packet: ServerPacket): void {
    for (const [index, { judge, settle }] of link.awaited.entries()) {
      const result = judge(packet);
      if (result === undefined) continue;
      link.awaited.splice(index, 1);
      settle(result);
      return;
    }
    if (link.isLeft) return;
    if (packet.type === 'publish') this.receivePublish(link, packet);
    else if (packet.type === 'pubrel') this.receivePubrel(link, packet);
    else if (packet.type === 'puback' || packet.type === 'pubrec' || packet.type === 'pubcomp') this.receiveAnswer(link, packet);
  }

  private receivePublish(link: Link, packet: PublishPacket): void {
    const { topic, qos, dup, retain, packetId, payload } = packet;
    const message = payload.length === 0 ? undefined : payload.toString();
    this.recorder.note({
      note: 'received',
      client: this.name,
      connection: link.number,
      message,
      topic,
      qos,
      dup,
      retain,
      ...(packetId === undefined ? {} : { packetId }),
    });
    if (packetId !== undefined) this.acknowledge(link, acknowledge(qos === 1 ? 'puback' : 'pubrec', packetId));
  }

  private receivePubrel(link: Link, { packetId }: AcknowledgementPacket): void {
    this.recorder.note({ note: 'released', client: this.name, connection: link.number, packetId });
    this.acknowledge(link, acknowledge('pubcomp', packetId));
  }

  private receiveAnswer(link: Link, { type, packetId, reasonCode }: AcknowledgementPacket): void {
    const unfinished = this.unfinished.get(packetId);
    if (unfinished === undefined) return;
    if (type === 'pubrec' && reasonCode < 0x80) {
      unfinished.isReleased = true;
      link.stream.write(acknowledge('pubrel', packetId));
      return;
    }
    this.unfinished.delete(packetId);
    if (reasonCode < 0x80 || type === 'pubcomp') this.recorder.complete(unfinished.operation, 'ok');
    else this.recorder.complete(unfinished.operation, 'fail', { reasonCode });
    unfinished.done();
  }

  /** From now on acknowledgements wait, until `giveBack` or the end of the connection. */
  holdBack(): void {
    this.held ??= [];
  }

  giveBack(): void {
    const held = this.held ?? [];
    this.held = undefined;
    if (this.isConnected && held.length > 0) this.link!.stream.write(bytes(held));
  }

  private acknowledge(link: Link, content: Buffer): void {
    if (this.held !== undefined) this.held.push(content);
    else link.stream.write(content);
  }

  /** Resolves when the exchange is finished, on whatever connection, or the session is gone. QoS 0, or without a place for it: at once. */
  publish(topic: string, qos: number, options: WorkloadPublish = {}): Promise<void> {
    const link = this.link;
    if (link === undefined || link.isClosed || (qos > 0 && this.unfinished.size >= this.receiveMaximum)) return Promise.resolve();
    const { retain = false, deletes = false, bytes: length } = options;
    const message = this.recorder.nextMessage(this.name, topic, length);
    const operation = this.recorder.invoke({
      call: 'publish',
      client: this.name,
      connection: link.number,
      message,
      topic,
      qos,
      retain,
      deletes,
    });
    const packetId = qos === 0 ? undefined : this.freePacketId();
    const content = (dup: boolean) =>
      publish(this.version, { topic, payload: deletes ? '' : message, qos, retain, dup, ...(packetId === undefined ? {} : { packetId }) });
    link.stream.write(content(false));
    if (packetId === undefined) return Promise.resolve();
    return new Promise((done) => this.unfinished.set(packetId, { operation, bytes: content, isReleased: false, done }));
  }

  private freePacketId(): number {
    do this.lastPacketId = (this.lastPacketId % 65_535) + 1;
    while (this.unfinished.has(this.lastPacketId));
    return this.lastPacketId;
  }

  /** The session goes on: what is unfinished is sent again, in its order. */
  private sendAgain(): void {
    for (const [packetId, { operation, bytes: content, isReleased }] of this.unfinished) {
      if (!isReleased) this.recorder.note({ note: 'publishedAgain', operation });
      this.link!.stream.write(isReleased ? acknowledge('pubrel', packetId) : content(true));
    }
  }

  /** The session is gone, and nobody knows what became of its publications. */
  private forget(): void {
    for (const { operation, done } of this.unfinished.values()) {
      this.recorder.complete(operation, 'info');
      done();
    }
    this.unfinished.clear();
  }

  async subscribe(filter: string, qos: number, wantsRetained: boolean): Promise<void> {
    await this.ask({ call: 'subscribe', filter, qos, wantsRetained }, (packetId) => subscribe(this.version, packetId, [{ filter, qos }]));
  }

  async unsubscribe(filter: string): Promise<void> {
    await this.ask({ call: 'unsubscribe', filter }, (packetId) => unsubscribe(this.version, packetId, [filter]));
  }

  private async ask(
    call: { call: 'subscribe'; filter: string; qos: number; wantsRetained: boolean } | { call: 'unsubscribe'; filter: string },
    content: (packetId: number) => Part,
  ): Promise<void> {
    const link = this.link;
    if (link === undefined || link.isClosed) return;
    const packetId = this.freePacketId();
    const operation = this.recorder.invoke({ ...call, client: this.name, connection: link.number });
    await this.exchange(link, operation, content(packetId), (packet) => {
      if ((packet.type !== 'suback' && packet.type !== 'unsuback') || packet.packetId !== packetId) return undefined;
      const [reasonCode = 0] = packet.reasonCodes;
      return reasonCode >= 0x80 ? 'refused' : packet.type === 'suback' ? { qos: reasonCode } : {};
    });
  }

  async ping(): Promise<void> {
    if (this.link !== undefined) await this.pingOn(this.link);
  }

  private async pingOn(link: Link): Promise<void> {
    if (link.isClosed) return;
    const operation = this.recorder.invoke({ call: 'ping', client: this.name, connection: link.number });
    await this.exchange(link, operation, pingreq, ({ type }) => (type === 'pingresp' ? {} : undefined));
  }

  /** DISCONNECT, and the broker's close. */
  async disconnect(): Promise<void> {
    const link = this.link;
    if (link === undefined || link.isClosed) return;
    this.recorder.note({ note: 'leaving', client: this.name, connection: link.number });
    link.how = 'disconnected';
    link.isLeft = true;
    link.stream.write(disconnect());
    await new Promise<void>((resolve) => link.awaited.push({ judge: () => undefined, settle: () => resolve() }));
  }

  /** The network breaks. */
  cut(): void {
    const link = this.link;
    if (link === undefined || link.isClosed) return;
    link.how = 'cut';
    this.closed(link);
    link.stream.destroy();
  }

  /** Sends what a call asks and gives the answer; undefined if it was a no, or if none came. */
  private exchange(link: Link, operation: number, content: Part, judge: Awaited['judge']): Promise<Result | undefined> {
    return new Promise((resolve) => {
      const settle: Awaited['settle'] = (result) => {
        if (result === 'refused') this.recorder.complete(operation, 'fail');
        else if (result === 'unknown') this.recorder.complete(operation, 'info');
        else this.recorder.complete(operation, 'ok', result);
        resolve(typeof result === 'string' ? undefined : result);
      };
      if (link.isClosed) settle('unknown');
      else {
        link.awaited.push({ judge, settle });
        link.stream.write(bytes(content));
      }
    });
  }

  private closed(link: Link): void {
    if (link.isClosed) return;
    link.isClosed = true;
    this.recorder.note({ note: 'ended', client: this.name, connection: link.number, how: link.how });
    for (const { settle } of link.awaited.splice(0)) settle('unknown');
    link.stream.destroy();
  }
}
