import { type DecodedPublish, ProtocolError, type PublishProperties, type QoS, ReasonCode } from '@si-mqtt/codec';
import { type Capabilities } from './limits.js';
import { Message } from './message.js';
import { type Negotiated } from './negotiation.js';
import { type SessionSurroundings } from './outbound/session-surroundings.js';
import { type Output } from './output.js';
import { PacketIdMap } from './packet-id-map.js';
import { type Recording } from './recording.js';
import { type Session } from './session.js';

/** The answer to a publication is not known yet; `Inbound.published` is called when it is. */
export const pending = -1;

/** Where a client's publications go: authorize, retain, route. Implemented by the server's broker. */
export interface PublishTarget {
  /** The reason code for the publisher, at once; or `pending`, and then `Inbound.published` is called with this packet identifier (0 for QoS 0). */
  publish(message: Message, session: Session, packetId: number): ReasonCode | typeof pending;
}

/** An answer that waits for its own outcome, or for an earlier one: acknowledgements keep the order of the publications. */
interface Answer {
  readonly packetId: number;
  readonly qos: 1 | 2;
  reasonCode: ReasonCode | typeof pending;
  /** Its packet identifier is in `received` already. */
  isTaken: boolean;
}

/** A client's publications on their way into the broker. */
export class Inbound {
  /** QoS 2 packet identifiers that were taken, and are or will be acknowledged by PUBREC, whose PUBREL is awaited [MQTT-4.3.3-10]. */
  private received: PacketIdMap<true> | undefined;
  /** What cannot be answered yet, in the order of the publications; also by packet identifier. */
  private answers: Answer[] | undefined;
  private unanswered: PacketIdMap<Answer> | undefined;
  /** Of `answers`, those that are in `received` as well. */
  private takenAnswers = 0;
  private topicAliases: (string | undefined)[] | undefined;
  private negotiated: Negotiated | undefined;
  private capabilities: Capabilities | undefined;
  private output: Output | undefined;
  private recording: Recording | undefined;
  private readonly surroundings: SessionSurroundings;

  constructor(surroundings: SessionSurroundings) {
    this.surroundings = surroundings;
  }

  /** From now on the journal has what was received and not released; what it has from an earlier run is taken over. */
  record(recording: Recording, receivedPacketIds: readonly number[]): void {
    this.recording = recording;
    for (const packetId of receivedPacketIds) (this.received ??= new PacketIdMap()).set(packetId, true);
  }

  attach(output: Output, negotiated: Negotiated, capabilities: Capabilities): void {
    this.output = output;
    this.negotiated = negotiated;
    this.capabilities = capabilities;
    this.topicAliases = undefined; // [MQTT-3.3.2-7]
  }

  detach(): void {
    this.output = undefined;
    // What is still unanswered gets no answer on this connection; a QoS 2 publication that was taken is remembered by `published`.
    this.topicAliases = undefined;
  }

  receivePublish(packet: DecodedPublish, session: Session, target: PublishTarget): void {
    const qos = packet.qos;
    const capabilities = this.capabilities!;
    if (qos > capabilities.maximumQos) throw new ProtocolError(ReasonCode.qosNotSupported, `PUBLISH with QoS ${qos}`); // [MQTT-3.2.2-11]
    if (packet.retain && !capabilities.retainAvailable) throw new ProtocolError(ReasonCode.retainNotSupported, 'PUBLISH with RETAIN'); // [MQTT-3.2.2-14]
    const properties = packet.properties;
    const topicName = properties?.topicAlias === undefined ? packet.topicName : this.resolveAlias(packet.topicName, properties.topicAlias);
    if (qos === 0) {
      target.publish(this.messageOf(packet, topicName, session), session, 0);
      if (packet.retain) this.surroundings.journal?.divide();
      return;
    }
    const packetId = packet.packetId;
    if (this.unanswered?.has(packetId) === true) return; // Repeated before its answer, which comes.
    if (qos === 2 && this.received?.has(packetId) === true) {
      this.answer(packetId, qos, ReasonCode.success); // [MQTT-4.3.3-10]
      return;
    }
    const unfinished = (this.received?.size ?? 0) + (this.answers?.length ?? 0) - this.takenAnswers;
    if (unfinished >= this.negotiated!.receiveMaximum) {
      throw new ProtocolError(ReasonCode.receiveMaximumExceeded, `more than ${this.negotiated!.receiveMaximum} unfinished publications`); // [MQTT-3.3.4-7]
    }
    const reasonCode = target.publish(this.messageOf(packet, topicName, session), session, packetId);
    // The target has ended the connection instead of an answer.
    if (reasonCode === pending && this.output === undefined) return;
    this.answer(packetId, qos, reasonCode);
    this.surroundings.journal?.divide();
  }

  /** The outcome of a publication that was pending. */
  published(packetId: number, reasonCode: ReasonCode): void {
    const answer = this.unanswered?.get(packetId);
    if (answer === undefined || answer.reasonCode !== pending) return;
    answer.reasonCode = reasonCode;
    if (this.take(packetId, answer.qos, reasonCode)) {
      answer.isTaken = true;
      this.takenAnswers++;
    }
    this.sendAnswered();
  }

  /** No outcome comes, and the connection has ended instead: when the publication comes again it is a new one. */
  leaveUnanswered(packetId: number): void {
    const answer = this.unanswered?.get(packetId);
    if (answer?.reasonCode === pending) this.withdraw(answer);
  }

  private withdraw(answer: Answer): void {
    this.unanswered!.delete(answer.packetId);
    this.answers!.splice(this.answers!.indexOf(answer), 1);
    if (answer.isTaken) this.takenAnswers--;
    this.sendAnswered();
  }

  private sendAnswered(): void {
    const answers = this.answers!;
    while (answers.length > 0 && answers[0].reasonCode !== pending) {
      const first = answers.shift()!;
      this.unanswered!.delete(first.packetId);
      if (first.isTaken) this.takenAnswers--;
      this.send(first.packetId, first.qos, first.reasonCode);
    }
    if (answers.length === 0) {
      this.answers = undefined;
      this.unanswered = undefined;
    }
  }

  /**
   * A publication that had been taken was not: when it comes again it is a new one. True: its answer, which was still to be made, says so; false:
   * that answer is made already, or there is no way to say it.
   */
  refuse(packetId: number, qos: QoS): boolean {
    if (qos === 2) this.received?.delete(packetId);
    const answer = this.unanswered?.get(packetId);
    if (answer === undefined) return false;
    if (!this.isV5) {
      this.withdraw(answer);
      return false;
    }
    answer.reasonCode = ReasonCode.quotaExceeded;
    if (answer.isTaken) this.takenAnswers--;
    answer.isTaken = false;
    this.sendAnswered();
    return true;
  }

  receivePubrel(packetId: number): void {
    const known = this.received?.delete(packetId) === true; // [MQTT-4.3.3-12]
    if (known) this.recording?.inboundReleased(packetId);
    this.output!.sendAcknowledgement('pubcomp', packetId, known ? ReasonCode.success : ReasonCode.packetIdentifierNotFound); // [MQTT-4.3.3-11]
  }

  private answer(packetId: number, qos: 1 | 2, reasonCode: ReasonCode | typeof pending): void {
    const isTaken = reasonCode !== pending && this.take(packetId, qos, reasonCode);
    if (reasonCode !== pending && this.answers === undefined) {
      this.send(packetId, qos, reasonCode);
      return;
    }
    // The connection was closed instead of an answer: when the publication comes again it is a new one.
    if (reasonCode === pending && this.output === undefined) return;
    const answer: Answer = { packetId, qos, reasonCode, isTaken };
    if (isTaken) this.takenAnswers++;
    (this.answers ??= []).push(answer);
    (this.unanswered ??= new PacketIdMap()).set(packetId, answer);
  }

  /**
   * A QoS 2 packet identifier is recorded together with its message, also where PUBREC has to wait for earlier answers: else a crash between
   * the two would let the message come again. False: it was not taken, or is known.
   */
  private take(packetId: number, qos: 1 | 2, reasonCode: ReasonCode): boolean {
    if (qos === 1 || (reasonCode >= 0x80 && this.isV5)) return false;
    const received = (this.received ??= new PacketIdMap());
    if (received.has(packetId)) return false;
    received.set(packetId, true);
    this.recording?.inboundReceived(packetId);
    return true;
  }

  private send(packetId: number, qos: 1 | 2, reasonCode: ReasonCode): void {
    // 3.x has no way to say no: the publication is acknowledged as its QoS says [v3.1.1 MQTT-3.3.5-2].
    this.output?.sendAcknowledgement(qos === 1 ? 'puback' : 'pubrec', packetId, this.isV5 ? reasonCode : ReasonCode.success);
  }

  private get isV5(): boolean {
    return this.negotiated!.protocolVersion === 5;
  }

  /** [MQTT-3.3.2-12]: every alias from 1 to the maximum that CONNACK gave; others are refused with 0x94. */
  private resolveAlias(topicName: string, alias: number): string {
    const maximum = this.negotiated!.topicAliasMaximumIn;
    if (alias > maximum) throw new ProtocolError(ReasonCode.topicAliasInvalid, `Topic Alias ${alias} above ${maximum}`); // [MQTT-3.3.2-9]
    const aliases = (this.topicAliases ??= []);
    if (topicName !== '') {
      aliases[alias] = topicName;
      return topicName;
    }
    const known = aliases[alias];
    if (known === undefined) throw new ProtocolError(ReasonCode.protocolError, `Topic Alias ${alias} stands for no topic name`);
    return known;
  }

  private messageOf(packet: DecodedPublish, topicName: string, session: Session): Message {
    const now = this.surroundings.env.now();
    const properties = this.forwarded(packet.properties);
    return Message.ofPacket(packet, topicName, properties, this.negotiated!.protocolVersion, session, now);
  }

  /** Without the alias, which belongs to this connection; with the expiry that the server allows. */
  private forwarded(properties: PublishProperties | undefined): PublishProperties | undefined {
    const expiryMax = this.surroundings.limits.messageExpirySecondsMax;
    const isBounded = expiryMax !== Infinity && !((properties?.messageExpiryInterval ?? Infinity) <= expiryMax);
    if (!isBounded && properties?.topicAlias === undefined) return properties;
    const { topicAlias: _alias, ...rest } = properties ?? {};
    return isBounded ? { ...rest, messageExpiryInterval: expiryMax } : rest;
  }
}
