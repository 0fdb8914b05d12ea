import { type ConnackPacket, ReasonCode } from '@si-mqtt/codec';
import { Session } from '@si-mqtt/session';
import { type Identity } from './access/authenticator.js';
import { allowAll } from './access/permissions.js';
import { type Client } from './broker.js';
import { type Handshake } from './handshake.js';
import { recheckSubscriptions } from './recheck.js';

/** True: the store takes nothing now, and this session would have to be stored, so that its client has been refused. */
export function refusesToStore(handshake: Handshake): boolean {
  const { journaling, counters, clients } = handshake.connection.broker;
  const isStored = handshake.negotiated.sessionExpiryInterval > 0 || handshake.connect.will !== undefined;
  if (journaling === undefined || !isStored) return false;
  // A full store lets whoever has a session come back: what waits for it has to be taken before there is room again.
  if (!(clients.has(handshake.clientId) ? journaling.isAway : journaling.isRefusing)) return false;
  counters.storeRefusing++;
  handshake.refuse({ reasonCode: ReasonCode.serverUnavailable, reasonString: 'the store takes nothing now' });
  return true;
}

/** Finds, takes over or makes the session of a client that was accepted. Refuses if that cannot be. */
export async function takeSession(handshake: Handshake, identity: Identity, connack: ConnackPacket): Promise<void> {
  if (handshake.isAbandoned) return;
  const { connection, clientId, negotiated } = handshake;
  const { broker } = connection;
  const known = broker.clients.get(clientId);
  if (known !== undefined && known.session.userName !== identity.userName) {
    // A stored session belongs to its user name (broker.md §4).
    handshake.refuse({ reasonCode: ReasonCode.clientIdentifierNotValid, reasonString: 'the client identifier belongs to another user' });
    return;
  }
  if (known === undefined && broker.clients.size >= broker.settings.sessionsMax) {
    broker.counters.sessionsRefused++;
    handshake.refuse({ reasonCode: ReasonCode.quotaExceeded, reasonString: 'no more sessions' });
    return;
  }
  if (refusesToStore(handshake)) return;
  if (known?.session.isPersistent === true && !negotiated.cleanStart && identity.permissions !== allowAll) {
    // The rules may have changed while nobody was connected. What has to be asked is answered before anything is delivered, and before the
    // earlier connection is closed: if there is no answer, the client is refused, and nothing else has happened.
    await recheckSubscriptions(broker, known.session, identity.permissions);
    if (handshake.isAbandoned || refusesToStore(handshake)) return;
  }
  await takeOver(handshake, identity, connack);
}

async function takeOver(handshake: Handshake, identity: Identity, connack: ConnackPacket): Promise<void> {
  const { connection, clientId, negotiated } = handshake;
  const { broker } = connection;
  const { journaling } = broker;
  // CONNACK waits for what is recorded on the way, the end of an earlier session included: after CONNACK it must not come back.
  let batch = 0;
  const waitFor = ({ isJournaled }: Session, change: () => void) => {
    change();
    if (isJournaled) batch = journaling!.journal.openBatch;
  };
  const endEarlier = async (earlier: Client) => {
    const { isJournaled } = earlier.session;
    const prepared = broker.ends.prepareEnd(earlier);
    if (prepared !== undefined) await prepared;
    // Who began to prepare the end may have ended it, too.
    if (broker.clients.get(clientId) === earlier) broker.ends.endNow(earlier);
    if (isJournaled) batch = Math.max(batch, earlier.endedIn!);
  };
  const known = broker.clients.get(clientId);
  const previous = known?.connection;
  if (previous !== undefined) {
    broker.counters.takeovers++;
    const end = negotiated.cleanStart || known!.session.sessionExpiryInterval === 0 ? 'replaced' : 'takenOver';
    waitFor(known!.session, () => previous.close(ReasonCode.sessionTakenOver, 'another connection uses this client identifier', end)); // [MQTT-3.1.4-3]
  }
  const stored = broker.clients.get(clientId);
  if (stored !== undefined) await (negotiated.cleanStart ? endEarlier(stored) : broker.wills.settle(stored)); // [MQTT-3.1.2-4]
  const lease = await broker.sessions.acquire({
    clientId,
    userName: identity.userName,
    cleanStart: negotiated.cleanStart,
  });
  if (lease === 'unavailable') {
    handshake.refuse({ reasonCode: ReasonCode.serverUnavailable });
    return;
  }
  // [MQTT-3.1.2-5] [MQTT-3.1.2-6]
  let client = broker.clients.get(clientId);
  const sessionPresent = client !== undefined && lease.sessionPresent;
  // It expired, and nobody has looked since.
  const expired = sessionPresent ? undefined : client;
  if (expired !== undefined) await endEarlier(expired);
  if (client === undefined || !sessionPresent) {
    const session = new Session(lease, identity.userName, negotiated, broker.surroundings);
    client = { session, connection: undefined, permissions: identity.permissions, expiresAt: Infinity, will: undefined };
    broker.clients.set(client.session.clientId, client);
  } else {
    // Should the session end before CONNACK, it ends by this lease: the earlier one counts no more.
    client.session.lease = lease;
  }
  if (journaling !== undefined && client.session.recordConnection(handshake.connect, negotiated)) {
    client.expiresAt = Infinity;
    client.will = undefined;
    batch = journaling.journal.openBatch;
  }
  if (journaling !== undefined && batch > 0) {
    await journaling.commit(batch);
    if (broker.clients.get(clientId) !== client) {
      handshake.refuse({ reasonCode: ReasonCode.serverBusy, reasonString: 'the session has just ended' });
      return;
    }
  }
  welcome(handshake, client, sessionPresent, identity, connack, lease);
}

/** CONNACK first [MQTT-3.2.0-1], then what the session owes the client. */
function welcome(
  handshake: Handshake,
  client: Client,
  sessionPresent: boolean,
  identity: Identity,
  connack: ConnackPacket,
  lease: Session['lease'],
): void {
  const { connection, negotiated } = handshake;
  const { broker, stream } = connection;
  const { session } = client;
  client.connection = connection;
  client.permissions = identity.permissions;
  client.expiresAt = Infinity;
  if (broker.journaling?.isRefusing === false) client.hasSpentWill = false;
  client.will = undefined; // A connection in time cancels the delayed will [MQTT-3.1.3-9].
  connack.sessionPresent = negotiated.protocolVersion !== 3 && sessionPresent; // [MQTT-3.2.2-3]; 3.1 has no such flag.
  if (!handshake.isAbandoned) connection.output.sendAnswer(connack);
  session.attach(connection.output, lease, handshake.connect, negotiated, handshake.settings.capabilities);
  if (handshake.isAbandoned) {
    // The client went away while its session was fetched: it has one all the same, and its will is due.
    connection.client = client;
    broker.ends.connectionEnded(client, connection, 'lost', identity.permissions);
    return;
  }
  stream.admission.accepted();
  broker.counters.connectionsAccepted++;
  connection.open(client, session, identity, negotiated.keepAliveSeconds);
  broker.parts.events.emit('connected', {
    clientId: session.clientId,
    userName: identity.userName,
    protocolVersion: negotiated.protocolVersion,
    listenerName: stream.listener.name,
    get remoteAddress() {
      return stream.remoteAddress;
    },
    sessionPresent,
  });
  broker.routing.cameOnline(session);
  connection.output.pump();
  connection.resume();
}
