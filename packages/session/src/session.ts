import { type ConnectPacket, type DisconnectPacket, protocolError, type QoS, type Will } from '@si-mqtt/codec';
import { Inbound } from './inbound.js';
import { type Capabilities } from './limits.js';
import { type Message, type Publisher } from './message.js';
import { boundedSessionExpiry, type Negotiated } from './negotiation.js';
import { Outbound } from './outbound/outbound.js';
import { type SessionSurroundings } from './outbound/session-surroundings.js';
import { type DeliveryOutcome } from './outbound/waiting.js';
import { type Output } from './output.js';
import { type DelayedWill, type RestoredSession } from './ports/journal.js';
import { type Position, type SessionLease } from './ports/session-store.js';
import { Recording } from './recording.js';
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

const noSubscriptions: ReadonlyMap<string, Subscription> = new Map();

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
  lease: SessionLease;
  /** Many clients only publish, and need no map. */
  private ownSubscriptions: Map<string, Subscription> | undefined;
  private output: Output | undefined;
  private negotiated: Negotiated;
  private will: Will | undefined;
  private sessionExpirySeconds: number;
  private isStored = false;
  /** The journal has its deliveries and subscriptions: it is, or once was, to outlive its connection. */
  private recording: Recording | undefined;
  private isOver = false;
  private readonly surroundings: SessionSurroundings;

  constructor(lease: SessionLease, userName: string | undefined, negotiated: Negotiated, surroundings: SessionSurroundings) {
    this.clientId = lease.clientId;
    this.userName = userName;
    this.incarnation = lease.incarnation;
    this.lease = lease;
    this.negotiated = negotiated;
    this.sessionExpirySeconds = negotiated.sessionExpiryInterval;
    this.surroundings = surroundings;
    this.inbound = new Inbound(surroundings);
    this.outbound = new Outbound(surroundings);
  }

  get isOnline(): boolean {
    return this.output !== undefined;
  }

  /** By what the client wrote, share name included. */
  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.ownSubscriptions ?? noSubscriptions;
  }

  /** Adds or replaces. */
  addSubscription(subscription: Subscription): void {
    (this.ownSubscriptions ??= new Map()).set(subscription.requested, subscription);
  }

  removeSubscription(requested: string): void {
    this.ownSubscriptions?.delete(requested);
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

  /** The journal has this session: for its deliveries, or only for its will. */
  get isJournaled(): boolean {
    return this.isStored;
  }

  /** The journal has what is delivered to this session. */
  get isRecorded(): boolean {
    return this.recording !== undefined;
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

  get queuedBytes(): number {
    return this.outbound.queuedBytes;
  }

  /** When the first that waits was received, wall clock; undefined: nothing waits, or only the journal knows. */
  get oldestQueuedAt(): number | undefined {
    return this.outbound.oldestQueuedAt;
  }

  /** Asks the journal for `oldestQueuedAt`. Rejects as it does. */
  learnOldest(): Promise<void> {
    return this.outbound.learnOldest();
  }

  /** Records the connection that is about to begin; CONNACK waits for that. False: nothing of this session outlives the process. */
  recordConnection(connect: ConnectPacket, { protocolVersion, sessionExpiryInterval }: Negotiated): boolean {
    const { journal } = this.surroundings;
    if (journal === undefined) return false;
    if (sessionExpiryInterval > 0) this.recordDeliveries([]);
    this.isStored ||= sessionExpiryInterval > 0 || connect.will !== undefined;
    if (this.isStored) journal.connected(this, { userName: this.userName, protocolVersion, sessionExpiryInterval, will: connect.will });
    return this.isStored;
  }

  private recordDeliveries(receivedPacketIds: readonly number[]): void {
    if (this.recording !== undefined) return;
    this.recording = new Recording(this.surroundings.journal!, this);
    this.inbound.record(this.recording, receivedPacketIds);
    this.outbound.record(this.recording);
  }

  /** Takes over what an earlier run of the node left; nobody is connected. */
  restore(stored: RestoredSession): void {
    this.isStored = true;
    if (stored.wasConnected) this.will = stored.will;
    // Even if it ends now: other members of its shared subscriptions get what waits for it.
    this.recordDeliveries(stored.receivedPacketIds);
    this.outbound.restore(stored);
  }

  /** The connection has ended, the session has not. */
  recordDisconnection(expiresAt: number, delayedWill: DelayedWill | undefined): void {
    if (this.isStored) this.surroundings.journal!.disconnected(this, { expiresAt, delayedWill });
  }

  recordWillEnd(): void {
    if (this.isStored) this.surroundings.journal!.willEnded(this);
  }

  /** The session is over: nothing more is recorded, and nothing is taken. */
  end(): void {
    if (this.isStored) this.surroundings.journal!.ended(this);
    this.isStored = false;
    this.isOver = true;
  }

  recordSubscription(subscription: Subscription): void {
    this.recording?.subscribed(subscription);
  }

  recordUnsubscription(requested: string): void {
    this.recording?.unsubscribed(requested);
  }

  /** What is sent to this client from now on waits for what is recorded in this turn. */
  hold(): void {
    const { journal } = this.surroundings;
    if (journal !== undefined) this.output?.hold(journal.openBatch);
  }

  whenCommitted(batch: number, call: () => void): void {
    this.output?.whenCommitted(batch, call);
  }

  failed(error: unknown): void {
    this.surroundings.failed?.(error);
  }

  /** A connection begins. CONNACK has been sent; what is owed to the client follows with the next `pump`. */
  attach(output: Output, lease: SessionLease, connect: ConnectPacket, negotiated: Negotiated, capabilities: Capabilities): void {
    this.output = output;
    this.lease = lease;
    this.negotiated = negotiated;
    this.sessionExpirySeconds = negotiated.sessionExpiryInterval;
    if (this.recording !== undefined) this.recording.output = output;
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
    if (this.recording !== undefined) this.recording.output = undefined;
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
    if (this.isOver) return 'dropped';
    const outcome = this.outbound.deliver(message, grantedQos, retain, subscriptionIdentifiers, group);
    if (outcome === 'refused' && this.outbound.hasOverflowed) this.surroundings.overflowed?.(this);
    return outcome;
  }
}
