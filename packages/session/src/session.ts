import { type ConnectPacket, type DisconnectPacket, protocolError, type QoS, type Will } from '@si-mqtt/codec';
import { Inbound } from './inbound.js';
import { type Capabilities } from './limits.js';
import { type Message, type Publisher } from './message.js';
import { boundedSessionExpiry, type Negotiated } from './negotiation.js';
import { type DeliveryOutcome, Outbound, type SessionSurroundings } from './outbound/outbound.js';
import { type Output } from './output.js';
import { type Position, type SessionLease } from './ports/session-store.js';
import { type SharedGroup } from './shared-group.js';
import { type Subscription } from './subscription.js';
import { type ConnectionEnd, type WillAction, willAction } from './will.js';

/** What the end of a connection means for the session. */
export interface DetachOutcome {
  readonly will: Will | undefined;
  readonly willAction: WillAction;
  /** Wall clock, milliseconds; Infinity never. Undefined: the session ends now. */
  readonly expiresAt: number | undefined;
}

/**
 * One client's protocol state, for as long as the session lasts: with a connection (`output`) or without. It does no I/O and knows no
 * timer; who uses it calls `attach` and `detach` and hands over what the decoder gives.
 */
export class Session implements Publisher {
  readonly clientId: string;
  /** Whoever began the session; nobody else may continue it (broker.md §4). */
  readonly userName: string | undefined;
  readonly incarnation: Position;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  /** By what the client wrote, share name included. */
  readonly subscriptions: Map<string, Subscription> = new Map();
  readonly connectedAt: number;
  lease: SessionLease;
  private output: Output | undefined;
  private negotiated: Negotiated;
  private will: Will | undefined;
  private sessionExpirySeconds: number;
  private readonly surroundings: SessionSurroundings;

  constructor(lease: SessionLease, userName: string | undefined, negotiated: Negotiated, surroundings: SessionSurroundings) {
    this.clientId = lease.clientId;
    this.userName = userName;
    this.incarnation = lease.incarnation;
    this.lease = lease;
    this.negotiated = negotiated;
    this.sessionExpirySeconds = negotiated.sessionExpiryInterval;
    this.surroundings = surroundings;
    this.connectedAt = surroundings.env.now();
    this.inbound = new Inbound(surroundings);
    this.outbound = new Outbound(surroundings);
  }

  get isOnline(): boolean {
    return this.output !== undefined;
  }

  /** The session outlives its connection. */
  get isPersistent(): boolean {
    return this.sessionExpirySeconds > 0;
  }

  /** Seconds; Infinity never expires. */
  get sessionExpiryInterval(): number {
    return this.sessionExpirySeconds;
  }

  get hasWill(): boolean {
    return this.will !== undefined;
  }

  get agreement(): Negotiated {
    return this.negotiated;
  }

  get canSend(): boolean {
    return this.outbound.canSend;
  }

  get inflightCount(): number {
    return this.outbound.inflightCount;
  }

  get queuedCount(): number {
    return this.outbound.queuedCount;
  }

  /** A connection begins. CONNACK has been sent; what is owed to the client follows with the next `pump`. */
  attach(output: Output, lease: SessionLease, connect: ConnectPacket, negotiated: Negotiated, capabilities: Capabilities): void {
    this.output = output;
    this.lease = lease;
    this.negotiated = negotiated;
    this.sessionExpirySeconds = negotiated.sessionExpiryInterval;
    this.will = connect.will; // A new connection replaces, and so cancels, the will of the one before [MQTT-3.1.3-9].
    this.inbound.attach(output, negotiated, capabilities);
    this.outbound.attach(output, negotiated);
  }

  /** DISCONNECT may change how long the session lives from now on (section 3.14.2.2.2). */
  receiveDisconnect(packet: DisconnectPacket): void {
    const wish = packet.properties?.sessionExpiryInterval;
    if (wish === undefined) return;
    if (this.sessionExpirySeconds === 0 && wish !== 0) {
      throw protocolError('DISCONNECT with a Session Expiry Interval, where CONNECT had none');
    }
    this.sessionExpirySeconds = boundedSessionExpiry(wish, this.surroundings.limits);
  }

  /** The connection has ended. What becomes of will and session is for the caller to carry out. */
  detach(end: ConnectionEnd): DetachOutcome {
    this.output = undefined;
    this.inbound.detach();
    this.outbound.detach();
    const now = this.surroundings.env.now();
    const will = this.will;
    this.will = undefined;
    const action = willAction(will, end, this.sessionExpirySeconds, now);
    const ends = end === 'replaced' || (end !== 'takenOver' && this.sessionExpirySeconds === 0);
    return { will, willAction: action, expiresAt: ends ? undefined : now + this.sessionExpirySeconds * 1000 };
  }

  deliver(
    message: Message,
    grantedQos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | undefined,
    group: SharedGroup | undefined,
  ): DeliveryOutcome {
    return this.outbound.deliver(message, grantedQos, retain, subscriptionIdentifiers, group);
  }
}
