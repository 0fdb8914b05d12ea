import {
  type ConnackPacket,
  type ConnectPacket,
  type DecodedPublish,
  Decoder,
  type DecoderOptions,
  type DisconnectPacket,
  isReasonCodeOf,
  type Packet,
  ProtocolError,
  type ProtocolVersion,
  protocolError,
  ReasonCode,
  type SubackPacket,
  type UnsubackPacket,
} from '@si-mqtt/codec';
import {
  answerTerms,
  type Capabilities,
  type ConnectionEnd,
  type Message,
  type PublishTarget,
  pending,
  type Session,
} from '@si-mqtt/session';
import { type Identity } from './access/authenticator.js';
import { allowAll, type Permissions } from './access/permissions.js';
import { type Broker, type Client } from './broker.js';
import { ConnectionOutput } from './connection-output.js';
import { Handshake, type HandshakeSettings } from './handshake.js';
import { type ByteStream, type ByteStreamReceiver } from './listeners/byte-stream.js';
import { PublishDecisions } from './publish-decisions.js';
import { beginFullRead, isTurnOver, readNextTurn, type TurnReader } from './reading-turn.js';
import { recheckSubscriptions } from './recheck.js';
import { handleSubscribe, handleUnsubscribe } from './subscribing.js';
import { isNameOfServer } from './sys-topics.js';
import { runInTurn } from './turn-share.js';

/** What a listener's connections share. */
export interface ConnectionSettings extends HandshakeSettings {
  readonly decoderOptions: DecoderOptions;
  readonly capabilities: Capabilities;
}

/** After so many packets a read is asked whether its turn is over; subscriptions, which may cost more than any other packet, ask each time. */
const packetsPerLook = 16;

const pingResponse = new Uint8Array([0xd0, 0x00]);

/** One client's connection: the one I/O loop. Bytes from the stream go through the decoder to handshake, session or broker. */
export class Connection implements ByteStreamReceiver, PublishTarget, TurnReader {
  readonly broker: Broker;
  readonly stream: ByteStream;
  readonly settings: ConnectionSettings;
  readonly output: ConnectionOutput;
  /** Tick of the server's clock at which the last bytes came, for keep alive. */
  lastReceivedTick: number;
  keepAliveSeconds = 0;
  /** Not read because too much waits for the store: nobody can say whether it is silent. */
  isStalled = false;
  /** What the decoder holds waits for the store as well. */
  private isResumeDue = false;
  permissions: Permissions = allowAll;
  /** Who the client proved to be; undefined before CONNACK. */
  identity: Identity | undefined;
  client: Client | undefined;
  private readonly decoder: Decoder;
  private state: 'handshake' | 'open' | 'closing' | 'closed' = 'handshake';
  private handshake: Handshake | undefined;
  private session: Session | undefined;
  private endWhenResumed = false;
  private streamClosed = false;
  private streamError: Error | undefined;
  private decisions: PublishDecisions | undefined;

  constructor(broker: Broker, stream: ByteStream, settings: ConnectionSettings, tick: number) {
    this.broker = broker;
    this.stream = stream;
    this.settings = settings;
    this.output = new ConnectionOutput(broker, stream);
    this.lastReceivedTick = tick;
    this.decoder = new Decoder(this, settings.decoderOptions);
    broker.connections.add(this);
  }

  get protocolVersion(): ProtocolVersion {
    return this.decoder.protocolVersion ?? 4;
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  get isClosed(): boolean {
    return this.state === 'closed' || this.state === 'closing';
  }

  get clientId(): string | undefined {
    return this.session?.clientId ?? this.handshake?.clientId;
  }

  // ——— from the stream ———

  received(chunk: Uint8Array, readBytes: number = chunk.length, length: number = chunk.length): void {
    if (this.isClosed) return;
    this.lastReceivedTick = this.broker.currentTick;
    this.broker.counters.bytesReceived += length;
    const { env } = this.broker.parts;
    const isFullRead = beginFullRead(readBytes);
    const { journaling } = this.broker;
    const operations = journaling?.journal.operations;
    env.beginTurn();
    try {
      this.decoder.push(chunk, length);
    } catch (error) {
      this.failed(error);
    } finally {
      env.endTurn();
    }
    if (this.isClosed) return;
    if (this.waitsForStore(operations)) {
      this.stream.pause();
    } else if (isFullRead && !this.decoder.paused && readNextTurn(this)) {
      this.stream.pause();
    }
  }

  /** True: reading goes on when the store has taken more. */
  private waitsForStore(operations: number | undefined): boolean {
    const { journaling } = this.broker;
    if (journaling === undefined) return false;
    if (this.output.holdsTooMuch) journaling.whenCommitted(this.output.heldBatch, () => this.continueReading());
    else if (journaling.journal.operations === operations || !journaling.stalls(this)) return false;
    this.isStalled = true;
    return true;
  }

  /** The other connections have had their turn. */
  continueReading(): void {
    if (this.isStalled) {
      this.isStalled = false;
      this.lastReceivedTick = this.broker.currentTick;
    }
    if (this.isResumeDue) {
      this.isResumeDue = false;
      this.resume();
    } else if (!this.isClosed && !this.decoder.paused) {
      this.stream.resume();
    }
  }

  drained(): void {
    this.output.drained();
  }

  /** The peer sends no more. What it sent is handled; then it is as if it had closed, without DISCONNECT. */
  ended(): void {
    if (this.decoder.paused) this.endWhenResumed = true;
    else runInTurn(() => this.lost());
  }

  closed(error: Error | undefined): void {
    this.streamClosed = true;
    this.streamError = error;
    this.output.closed();
    runInTurn(() => this.lost());
  }

  /** The peer has ended the connection, or the network has. */
  private lost(): void {
    this.finish('lost', ReasonCode.success, this.streamError?.message ?? 'closed by the client');
    if (!this.streamClosed) return;
    this.state = 'closed';
    this.broker.connections.delete(this);
  }

  // ——— from the decoder ———

  receive(packet: Packet): void {
    const received = ++this.broker.counters.packetsReceived;
    if (this.state === 'open') {
      this.receiveOpen(packet);
      if (received % packetsPerLook === 0) this.shareTurn();
    } else if (this.state === 'handshake') {
      this.receiveInHandshake(packet);
    }
  }

  /** No packet is handed over until `resume`; what has arrived waits, and the socket is not read. */
  pause(): void {
    this.decoder.pause();
    this.stream.pause();
  }

  resume(): void {
    if (this.isClosed) return;
    try {
      this.decoder.resume();
    } catch (error) {
      this.failed(error);
    }
    if (this.isClosed || this.decoder.paused) return;
    if (this.endWhenResumed) this.finish('lost', ReasonCode.success, 'closed by the client');
    else if (!this.isStalled) this.stream.resume();
  }

  /** One read has room for thousands of packets: what is left of it when the turn has lasted long enough waits for the next turn, too. */
  private shareTurn(): void {
    // Asked first, because this is asked for packets of every kind, and nearly always in vain.
    if (this.isClosed || this.decoder.paused || !isTurnOver()) return;
    if (readNextTurn({ continueReading: () => this.resume() })) this.pause();
  }

  private receiveOpen(packet: Packet): void {
    const session = this.session!;
    switch (packet.type) {
      case 'publish':
        session.inbound.receivePublish(packet as DecodedPublish, session, this);
        return;
      case 'puback':
        session.outbound.receivePuback(packet.packetId);
        return;
      case 'pubrec':
        session.outbound.receivePubrec(packet.packetId, packet.reasonCode);
        return;
      case 'pubrel':
        session.inbound.receivePubrel(packet.packetId);
        return;
      case 'pubcomp':
        session.outbound.receivePubcomp(packet.packetId);
        return;
      case 'pingreq':
        this.output.append(pingResponse); // [MQTT-3.12.4-1]
        return;
      case 'subscribe':
        handleSubscribe(this, session, packet);
        this.shareTurn();
        return;
      case 'unsubscribe':
        handleUnsubscribe(this, session, packet);
        this.shareTurn();
        return;
      case 'disconnect':
        this.disconnected(packet);
        return;
      case 'auth':
        if (this.handshake === undefined) throw protocolError('AUTH without an Authentication Method in CONNECT'); // [MQTT-4.12.0-7]
        this.handshake.receiveAuth(packet);
        return;
      default:
        throw new ProtocolError(ReasonCode.protocolError, `unexpected ${packet.type}`); // [MQTT-3.1.0-2]
    }
  }

  private receiveInHandshake(packet: Packet): void {
    if (this.handshake !== undefined) {
      this.handshake.receiveBeforeConnack(packet);
    } else if (packet.type === 'connect') {
      this.output.protocolVersion = packet.protocolVersion;
      this.output.terms = answerTerms(packet);
      this.handshake = new Handshake(this, packet, this.settings);
      this.handshake.start();
    }
  }

  /** DISCONNECT: what comes behind it is not read. */
  disconnected(packet: DisconnectPacket): void {
    this.session?.receiveDisconnect(packet);
    this.decoder.stop();
    this.finish(packet.reasonCode === ReasonCode.success ? 'disconnected' : 'lost', packet.reasonCode, 'DISCONNECT');
  }

  /** CONNACK was sent: from now on packets belong to the session. */
  open(client: Client, session: Session, identity: Identity, keepAliveSeconds: number): void {
    this.client = client;
    this.session = session;
    this.output.session = session;
    this.keepAliveSeconds = keepAliveSeconds;
    this.identity = identity;
    this.permissions = identity.permissions;
    this.state = 'open';
    // Kept only where a re-authentication can come.
    if (this.handshake?.isEnhanced !== true) this.handshake = undefined;
  }

  /** After a re-authentication. False: the session is not this user's, so that the connection has ended. */
  async identify(identity: Identity): Promise<boolean> {
    const session = this.session!;
    if (identity.userName !== session.userName) {
      this.close(ReasonCode.notAuthorized, 'the session belongs to another user');
      return false;
    }
    this.identity = identity;
    this.permissions = identity.permissions;
    this.client!.permissions = identity.permissions;
    this.decisions = undefined;
    await recheckSubscriptions(this.broker, session, identity.permissions);
    return true;
  }

  // ——— publications of this client ———

  publish(message: Message, session: Session, packetId: number): ReasonCode | typeof pending {
    const allowed = this.permissions === allowAll ? this.isNameAllowed(message.topicName) : this.mayPublish(message);
    if (allowed === true) return this.broker.publish(message, session, packetId);
    if (allowed === false) {
      this.broker.counters.publishRefused++;
      return ReasonCode.notAuthorized;
    }
    // Only this connection waits for the answer.
    message.keep();
    this.pause();
    allowed
      .then(
        (yes) => this.decided(message, session, packetId, yes),
        () => this.broker.leaveUnanswered(session, packetId, ReasonCode.implementationSpecificError, 'the access rules did not answer'),
      )
      .catch((error: unknown) => this.failed(error));
    return pending;
  }

  /**
   * The answer may come after the end of this connection. The message came before it, and is treated as if the answer had been known: it is
   * published or refused. What was closed gets no acknowledgement; a connection that took the session over, and sent it again, does.
   */
  private decided(message: Message, session: Session, packetId: number, yes: boolean): void {
    const { broker } = this;
    const operations = broker.journaling?.journal.operations;
    let reasonCode: ReasonCode | typeof pending = ReasonCode.notAuthorized;
    if (yes) reasonCode = broker.publish(message, session, packetId);
    else broker.counters.publishRefused++;
    if (reasonCode !== pending) broker.answer(session, packetId, reasonCode);
    if (!this.isClosed && this.waitsForStore(operations)) this.isResumeDue = true;
    else this.resume();
  }

  private isNameAllowed(topicName: string): boolean {
    return !isNameOfServer(topicName, this.clientId);
  }

  private mayPublish({ topicName, qos, retain }: Message): boolean | Promise<boolean> {
    const { permissions } = this;
    const { version } = permissions;
    const decisions = (this.decisions ??= new PublishDecisions(version));
    const known = decisions.known(topicName, version, this.broker.currentTick);
    if (known !== undefined) return known;
    const decision = this.isNameAllowed(topicName) && permissions.mayPublish(topicName, qos, retain);
    if (decision === 'unknown') return this.ask(permissions, topicName, decisions);
    decisions.decided(topicName, decision);
    return decision;
  }

  private async ask(permissions: Permissions, topicName: string, decisions: PublishDecisions): Promise<boolean> {
    const { version } = permissions;
    const decision = await permissions.decidePublish!(topicName);
    if (permissions.version === version) decisions.answered(topicName, decision, this.broker.currentTick);
    return decision;
  }

  /** SUBACK or UNSUBACK. */
  answer(packet: SubackPacket | UnsubackPacket): void {
    if (this.output.sendAnswer(packet)) return;
    this.close(ReasonCode.packetTooLarge, `${packet.type} is larger than the client's Maximum Packet Size`); // [MQTT-3.1.2-24]
  }

  // ——— the end ———

  /** The server ends the connection: DISCONNECT where the version has it, then the socket is closed. */
  close(reasonCode: ReasonCode, reason: string, end: ConnectionEnd = 'lost'): void {
    if (this.isClosed) return;
    this.output.dropHeld();
    // No DISCONNECT before a successful CONNACK [MQTT-3.14.0-1].
    if (this.state === 'open' && this.protocolVersion === 5) this.sendDisconnect(reasonCode, reason);
    this.decoder.stop();
    this.finish(end, reasonCode, reason);
  }

  /** The session ends together with its connection, whatever its expiry. */
  endSession(reasonCode: ReasonCode, reason: string): void {
    const { client } = this;
    this.close(reasonCode, reason);
    if (client !== undefined) this.broker.ends.end(client);
  }

  private sendDisconnect(cause: ReasonCode, reason: string): void {
    // Some refusals have a code of their own in CONNACK only, as 0x86 for a wrong password [MQTT-3.14.2-1].
    const reasonCode = isReasonCodeOf('disconnect', cause, 'server') ? cause : ReasonCode.notAuthorized;
    this.output.sendAnswer({ type: 'disconnect', reasonCode, properties: { reasonString: reason } });
  }

  private failed(error: unknown): void {
    if (!(error instanceof ProtocolError)) {
      this.broker.parts.events.emit('error', error instanceof Error ? error : new Error(String(error)));
      this.close(ReasonCode.unspecifiedError, 'internal error');
      return;
    }
    this.broker.counters.protocolErrors++;
    if (this.state === 'handshake' && this.handshake === undefined) {
      this.refuseUnreadConnect(error);
    } else {
      this.close(error.reasonCode, error.message); // [MQTT-4.13.1-1]
    }
  }

  /** A CONNECT that could not be decoded. 3.x gets a CONNACK only where its text has one [v3.1.1 MQTT-3.1.4-1]. */
  private refuseUnreadConnect(error: ProtocolError): void {
    if (error.connackReturnCode !== undefined) {
      this.output.append(new Uint8Array([0x20, 0x02, 0x00, error.connackReturnCode])); // [v3.1.1 MQTT-3.1.2-2]
    } else if (this.decoder.protocolVersion === 5 || error.reasonCode === ReasonCode.unsupportedProtocolVersion) {
      this.output.append(new Uint8Array([0x20, 0x03, 0x00, error.reasonCode, 0x00])); // [MQTT-3.1.2-2]
    }
    this.reportRefusal(undefined, error.reasonCode, error.message);
    this.finish('lost', error.reasonCode, error.message);
  }

  private reportRefusal(connect: ConnectPacket | undefined, reasonCode: ReasonCode, reason: string): void {
    this.broker.counters.connectionsRefused++;
    this.broker.parts.events.emit('connectionRefused', {
      clientId: connect?.clientId,
      userName: connect?.userName,
      listenerName: this.stream.listener.name,
      remoteAddress: this.stream.remoteAddress,
      reasonCode,
      reason,
    });
  }

  /** Once: the session is told, the rest is sent, the socket is closed. */
  finish(end: ConnectionEnd, reasonCode: ReasonCode, reason: string): void {
    if (this.isClosed) return;
    this.state = 'closing';
    this.decoder.stop();
    this.handshake?.abandon();
    const { client, session } = this;
    const { journaling } = this.broker;
    const operations = journaling?.journal.operations;
    if (client !== undefined) {
      this.broker.ends.connectionEnded(client, this, end, this.permissions);
      this.broker.parts.events.emit('disconnected', { clientId: session!.clientId, reasonCode, reason });
    }
    journaling?.journal.divide();
    this.output.session = undefined;
    this.output.flush();
    if (journaling === undefined) {
      this.stream.end();
      return;
    }
    // What a DISCONNECT changes is stored before the socket is closed, and what was acknowledged before it still leaves.
    const batch = journaling.journal.operations === operations ? this.output.heldBatch : journaling.journal.openBatch;
    journaling.whenCommitted(batch, () => {
      this.output.flush();
      this.stream.end();
    });
  }

  /** For the handshake: CONNACK with a failure, then the end [MQTT-3.2.2-7]. */
  refuse(connect: ConnectPacket, reasonCode: ReasonCode, reason: string, packet: ConnackPacket | undefined): void {
    if (this.isClosed) return;
    if (packet !== undefined) this.output.sendAnswer(packet);
    this.reportRefusal(connect, reasonCode, reason);
    this.finish('lost', reasonCode, reason);
  }
}
