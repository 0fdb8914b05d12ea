import { ReasonCode } from '@si-mqtt/codec';
import { type Session } from '@si-mqtt/session';
import { type Permissions } from './access/permissions.js';
import { type Broker, type Client } from './broker.js';
import { type Connection } from './connection.js';
import { Deadlines } from './deadlines.js';
import { runInTurn } from './turn-share.js';
import { owedWill } from './wills.js';

/** What follows from the end of a connection, at once or when its time has come: the session goes on or ends, its will is published. */
export class SessionEnds {
  private readonly broker: Broker;
  private readonly deadlines: Deadlines<Client>;
  private readonly bequests: WeakMap<Session, Promise<void>> = new WeakMap();

  constructor(broker: Broker) {
    this.broker = broker;
    this.deadlines = new Deadlines((client) => (client.connection === undefined ? nextDeadline(client) : undefined));
  }

  /** The connection of a session has ended; what `detach` decided is carried out. */
  connectionEnded(client: Client, connection: Connection, end: Parameters<Session['detach']>[0], permissions: Permissions): void {
    if (client.connection !== connection) return;
    client.connection = undefined;
    this.connectionLost(client, permissions, end);
  }

  /** What a session has to do without its connection; also after a start, for the connections that the earlier run had. */
  connectionLost(client: Client, permissions: Permissions, end: Parameters<Session['detach']>[0] = 'lost'): void {
    const { broker } = this;
    const { session } = client;
    const { will, willAction, expiresAt } = session.detach(end);
    if (will !== undefined && willAction.action !== 'none')
      client.will = owedWill(will, permissions, willAction.action === 'delay' ? willAction.publishAt : broker.parts.env.now());
    if (expiresAt === undefined) {
      this.end(client);
      return;
    }
    client.expiresAt = expiresAt;
    if (end !== 'takenOver') {
      broker.routing.wentOffline(session);
      broker.inBackground(session.lease.detach(session.sessionExpiryInterval));
      session.outbound.unload();
    }
    const isDue = willAction.action === 'publish';
    if (isDue && broker.wills.decide(client) === undefined) broker.wills.publish(client);
    session.recordDisconnection(expiresAt, client.will);
    if (isDue && client.will !== undefined) broker.wills.publishRecorded(client);
    this.plan(client);
  }

  /** Ends a session that has no connection any more: at once, unless something has to be fetched or asked before. */
  end(client: Client): void {
    const { broker } = this;
    const { session } = client;
    if (broker.clients.get(session.clientId) !== client) return;
    const prepared = this.prepareEnd(client);
    if (prepared === undefined) {
      this.endNow(client);
      return;
    }
    client.expiresAt = broker.parts.env.now();
    broker.inBackground(session.lease.end());
    // It need not wait for what others inherit.
    if (client.will?.isAllowed !== undefined) broker.wills.publish(client);
    session.recordDisconnection(client.expiresAt, client.will);
    const end = () => {
      if (broker.clients.get(session.clientId) !== client) return;
      this.endNow(client);
      broker.parts.journal?.divide();
    };
    void prepared.then(() => runInTurn(end));
  }

  /**
   * What the end of the session takes with it and others are to have: whether its will may be published, and what waits for it of its shared
   * subscriptions. Undefined: nothing is to be waited for. The session is offline, and its client does not continue it.
   */
  prepareEnd(client: Client): Promise<void> | undefined {
    const decision = this.broker.wills.decide(client);
    const bequest = this.bequest(client.session);
    if (decision === undefined || bequest === undefined) return decision ?? bequest;
    return decision.then(() => bequest);
  }

  /** What the journal alone has for the session of its shared subscriptions goes to other members. */
  private bequest(session: Session): Promise<void> | undefined {
    const known = this.bequests.get(session);
    if (known !== undefined || !session.outbound.hasBacklog) return known;
    if (![...session.subscriptions.values()].some(({ shareName }) => shareName !== undefined)) return undefined;
    const bequest = this.broker.routing.bequeath(session).catch((error: unknown) => this.broker.failed(error));
    this.bequests.set(session, bequest);
    return bequest;
  }

  /** After `prepareEnd`: the session and everything that belongs to it goes; a will that waited is published now [MQTT-3.1.2-8]. */
  endNow(client: Client): void {
    const { broker } = this;
    const { session } = client;
    if (broker.clients.get(session.clientId) === client) broker.clients.delete(session.clientId);
    session.end();
    broker.routing.end(session);
    broker.inBackground(session.lease.end());
    const { journal } = broker.parts;
    if (journal !== undefined) client.endedIn = journal.openBatch;
    broker.wills.publish(client);
    broker.parts.events.emit('sessionEnded', { clientId: session.clientId });
  }

  /** Delayed wills and expired sessions; called by the server's tick. */
  tick(): void {
    for (const client of this.deadlines.due(this.broker.parts.env.now())) runInTurn(() => this.meetDeadlines(client));
  }

  private meetDeadlines(client: Client): void {
    const { broker } = this;
    if (broker.clients.get(client.session.clientId) !== client) return;
    const now = broker.parts.env.now();
    if (willDueAt(client) <= now) broker.wills.publishRecorded(client);
    if (client.expiresAt <= now) this.endExpired(client);
    else this.plan(client);
  }

  /** What has to be done before is done while its client stays away. */
  private endExpired(client: Client): void {
    const { broker } = this;
    const { session } = client;
    const end = () => {
      if (broker.clients.get(session.clientId) !== client || client.expiresAt > broker.parts.env.now()) return;
      broker.counters.sessionsExpired++;
      this.endNow(client); // [MQTT-4.1.0-2]
      broker.parts.journal?.divide();
    };
    const prepared = this.prepareEnd(client);
    if (prepared === undefined) end();
    else void prepared.then(() => runInTurn(end));
  }

  /** Looks at the client again when its will or its end is due. */
  plan(client: Client): void {
    this.deadlines.plan(client, nextDeadline(client));
  }

  /** A delivery did not fit into the session's queue, and the policy is endSession. */
  queueOverflowed(session: Session): void {
    const { broker } = this;
    broker.counters.queueOverflowEnds++;
    // Not within the routing that found the queue full.
    setImmediate(() => {
      const client = broker.clients.get(session.clientId);
      if (client?.session !== session) return;
      broker.parts.events.emit('queueOverflowed', { clientId: session.clientId });
      if (client.connection !== undefined) client.connection.endSession(ReasonCode.quotaExceeded, 'the queue of this session is full');
      else this.end(client);
    });
  }
}

function nextDeadline(client: Client): number {
  return Math.min(client.expiresAt, willDueAt(client));
}

/** While somebody is asked, the answer is waited for. */
function willDueAt({ will }: Client): number {
  return will === undefined || will.decision !== undefined ? Infinity : will.publishAt;
}
