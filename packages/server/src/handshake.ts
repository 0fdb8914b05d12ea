import {
  type AuthPacket,
  type ConnackPacket,
  type ConnectPacket,
  encodedLength,
  ProtocolError,
  ReasonCode,
  type UserProperty,
} from '@si-mqtt/codec';
import {
  type Capabilities,
  fullCapabilities,
  type Negotiated,
  type NegotiationSettings,
  negotiate,
  Session,
  type SessionLimits,
} from '@si-mqtt/session';
import { authenticateWith } from './access/authenticate-with.js';
import { type Authenticator, type Identity, type Refusal } from './access/authenticator.js';
import { type AuthenticationExchange, type AuthenticationMechanism, type ExchangeStep } from './access/enhanced.js';
import { allowAll } from './access/permissions.js';
import { type Client } from './broker.js';
import { type Connection } from './connection.js';
import { recheckSubscriptions } from './subscribing.js';

/** What a listener's handshakes share. */
export interface HandshakeSettings {
  readonly capabilities: Capabilities;
  readonly authenticators: readonly Authenticator[];
  readonly mechanisms: readonly AuthenticationMechanism[];
  readonly responseTopicPrefix: string | undefined;
  /** Bytes. */
  readonly maximumPacketSize: number;
  assignClientId(): string;
  /** Runs one client id's connects one after the other. */
  serially<Result>(clientId: string, work: () => Promise<Result>): Promise<Result>;
}

/** CONNACK return codes of 3.x for the reasons that have one; for the others the connection is closed without [v3.1.1 MQTT-3.2.2-6]. */
const returnCodes: ReadonlyMap<number, number> = new Map([
  [ReasonCode.unsupportedProtocolVersion, 1],
  [ReasonCode.clientIdentifierNotValid, 2],
  [ReasonCode.serverUnavailable, 3],
  [ReasonCode.serverBusy, 3],
  [ReasonCode.quotaExceeded, 3],
  [ReasonCode.serverShuttingDown, 3],
  [ReasonCode.badUserNameOrPassword, 4],
  [ReasonCode.notAuthorized, 5],
  [ReasonCode.banned, 5],
]);

/** From a CONNECT to its CONNACK: negotiation, authentication, the session. With enhanced authentication also later re-authentications. */
export class Handshake {
  /** Authentication Method of CONNECT [MQTT-4.12.0-5]. */
  readonly method: string | undefined;
  clientId: string;
  private readonly connection: Connection;
  private readonly connect: ConnectPacket;
  private readonly settings: HandshakeSettings;
  private negotiated: Negotiated | undefined;
  private exchange: AuthenticationExchange | undefined;
  private isAwaitingAuth = false;
  private abandoned = false;

  constructor(connection: Connection, connect: ConnectPacket, settings: HandshakeSettings) {
    this.connection = connection;
    this.connect = connect;
    this.settings = settings;
    this.clientId = connect.clientId;
    this.method = connect.properties?.authenticationMethod;
  }

  /** The connection is gone: whatever comes from here on has nobody to answer to. */
  abandon(): void {
    this.abandoned = true;
  }

  start(): void {
    const { broker } = this.connection;
    if (broker.surroundings.isOverloaded) {
      broker.counters.overloadRefused++;
      this.refuse({ reasonCode: ReasonCode.serverBusy, reasonString: 'the broker is short of memory' });
      return;
    }
    const limits: SessionLimits = { ...broker.settings.limits, maximumPacketSize: this.settings.maximumPacketSize };
    const negotiation: NegotiationSettings = {
      limits,
      capabilities: this.settings.capabilities,
      assignClientId: () => this.settings.assignClientId(),
      responseTopicPrefix: this.settings.responseTopicPrefix,
    };
    const negotiated = negotiate(this.connect, negotiation);
    if ('refused' in negotiated) {
      this.refuse({ reasonCode: negotiated.refused, reasonString: negotiated.reasonString });
      return;
    }
    this.negotiated = negotiated;
    this.connection.output.terms = negotiated;
    this.clientId = negotiated.clientId;
    if (this.method === undefined) {
      if (this.connect.properties?.authenticationData !== undefined) {
        throw new ProtocolError(ReasonCode.protocolError, 'Authentication Data without an Authentication Method');
      }
      this.inBackground(this.authenticate(negotiated));
      return;
    }
    const mechanism = this.settings.mechanisms.find((candidate) => candidate.method === this.method);
    if (mechanism === undefined) {
      this.refuse({ reasonCode: ReasonCode.badAuthenticationMethod }); // [MQTT-4.12.0-1]
      return;
    }
    this.exchange = this.begin(mechanism);
    this.inBackground(this.step(this.connect.properties?.authenticationData));
  }

  /** AUTH of an exchange that runs, or the beginning of a re-authentication (section 4.12.1). */
  receiveAuth(packet: AuthPacket): void {
    if (this.method === undefined) throw new ProtocolError(ReasonCode.protocolError, 'AUTH without an Authentication Method in CONNECT'); // [MQTT-4.12.0-7]
    if (packet.properties?.authenticationMethod !== this.method) {
      throw new ProtocolError(ReasonCode.protocolError, 'AUTH with another Authentication Method than CONNECT'); // [MQTT-4.12.1-1]
    }
    if (packet.reasonCode === ReasonCode.reAuthenticate && this.connection.isOpen && this.exchange === undefined) {
      this.exchange = this.begin(this.settings.mechanisms.find((candidate) => candidate.method === this.method)!);
    } else if (packet.reasonCode !== ReasonCode.continueAuthentication || !this.isAwaitingAuth) {
      throw new ProtocolError(ReasonCode.protocolError, 'AUTH at the wrong time'); // [MQTT-4.12.0-3]
    }
    this.inBackground(this.step(packet.properties.authenticationData));
  }

  private begin(mechanism: AuthenticationMechanism): AuthenticationExchange {
    return mechanism.start({
      clientId: this.clientId,
      userName: this.connection.identity?.userName ?? this.connect.userName,
      listenerName: this.connection.stream.listener.name,
    });
  }

  private async authenticate(negotiated: Negotiated): Promise<void> {
    const { stream } = this.connection;
    const credentials = {
      clientId: negotiated.clientId,
      userName: this.connect.userName,
      password: this.connect.password?.slice(),
      protocolVersion: negotiated.protocolVersion,
      listenerName: stream.listener.name,
      remoteAddress: stream.remoteAddress,
      certificate: stream.certificate,
    };
    this.ownWill();
    const outcome = await authenticateWith(this.settings.authenticators, credentials, () => !this.abandoned);
    if ('refused' in outcome) {
      this.connection.broker.counters.authenticationsRefused++;
      this.refuse(outcome.refused); // [MQTT-3.1.4-2]
    } else {
      await this.accept(outcome.accepted, undefined);
    }
  }

  /** The will outlives the chunk that CONNECT came in. */
  private ownWill(): void {
    const { will } = this.connect;
    if (will === undefined) return;
    will.payload = will.payload.slice();
    if (will.properties?.correlationData !== undefined) will.properties.correlationData = will.properties.correlationData.slice();
  }

  private async step(data: Uint8Array | undefined): Promise<void> {
    this.isAwaitingAuth = false;
    this.ownWill();
    const result: ExchangeStep = await this.exchange!.step(data?.slice());
    if (this.abandoned) return;
    const wasOpen = this.connection.isOpen;
    if ('continue' in result) {
      this.isAwaitingAuth = true;
      this.sendAuth(ReasonCode.continueAuthentication, result.continue); // [MQTT-4.12.0-2]
      this.connection.resume();
      return;
    }
    this.exchange = undefined;
    if ('refused' in result) {
      this.connection.broker.counters.authenticationsRefused++;
      if (wasOpen)
        this.connection.close(result.refused.reasonCode, result.refused.reasonString ?? 're-authentication failed'); // [MQTT-4.12.1-2]
      else this.refuse(result.refused); // [MQTT-4.12.0-4]
    } else if (wasOpen) {
      this.connection.identity = result.accepted;
      this.connection.permissions = result.accepted.permissions;
      this.sendAuth(ReasonCode.success, result.data);
      this.connection.resume();
    } else {
      await this.accept(result.accepted, result.data);
    }
  }

  private sendAuth(reasonCode: ReasonCode, data: Uint8Array | undefined): void {
    const properties = { authenticationMethod: this.method!, ...(data === undefined ? {} : { authenticationData: data }) };
    if (this.connection.output.sendAnswer({ type: 'auth', reasonCode, properties })) return; // [MQTT-4.12.0-5]
    const reasonString = 'AUTH is larger than Maximum Packet Size';
    if (this.connection.isOpen) this.connection.close(ReasonCode.packetTooLarge, reasonString);
    else this.refuse({ reasonCode: ReasonCode.packetTooLarge, reasonString });
  }

  private async accept(identity: Identity, authenticationData: Uint8Array | undefined): Promise<void> {
    const { will } = this.connect;
    if (will !== undefined) {
      let allowed = !will.topicName.startsWith('$SYS/') && identity.permissions.mayPublish(will.topicName, will.qos, will.retain);
      if (allowed === 'unknown') allowed = await identity.permissions.decidePublish!(will.topicName);
      if (!allowed) {
        this.refuse({ reasonCode: ReasonCode.notAuthorized, reasonString: 'the will topic is not allowed' });
        return;
      }
    }
    const connack = this.connack(authenticationData);
    if (encodedLength(connack, this.connect.protocolVersion) > this.negotiated!.maximumPacketSize) {
      this.refuse({ reasonCode: ReasonCode.packetTooLarge, reasonString: 'CONNACK is larger than Maximum Packet Size' }); // [MQTT-3.1.2-24]
      return;
    }
    await this.settings.serially(this.clientId, () => this.takeSession(identity, connack));
  }

  private async takeSession(identity: Identity, connack: ConnackPacket): Promise<void> {
    if (this.abandoned) return;
    const { broker } = this.connection;
    const negotiated = this.negotiated!;
    const known = broker.clients.get(this.clientId);
    if (known !== undefined && known.session.userName !== identity.userName) {
      // A stored session belongs to its user name (broker.md §4).
      this.refuse({ reasonCode: ReasonCode.clientIdentifierNotValid, reasonString: 'the client identifier belongs to another user' });
      return;
    }
    if (known === undefined && broker.clients.size >= broker.settings.sessionsMax) {
      broker.counters.sessionsRefused++;
      this.refuse({ reasonCode: ReasonCode.quotaExceeded, reasonString: 'no more sessions' });
      return;
    }
    const { journaling } = broker;
    const isStored = negotiated.sessionExpiryInterval > 0 || this.connect.will !== undefined;
    if (journaling?.isRefusing === true && isStored) {
      broker.counters.storeRefusing++;
      this.refuse({ reasonCode: ReasonCode.serverUnavailable, reasonString: 'the store takes nothing now' });
      return;
    }
    if (known?.connection !== undefined) {
      broker.counters.takeovers++;
      const ends = negotiated.cleanStart || known.session.sessionExpiryInterval === 0;
      known.connection.close(
        ReasonCode.sessionTakenOver,
        'another connection uses this client identifier',
        ends ? 'replaced' : 'takenOver',
      ); // [MQTT-3.1.4-3]
    }
    const stored = broker.clients.get(this.clientId);
    if (stored !== undefined && negotiated.cleanStart) broker.endSession(stored); // [MQTT-3.1.2-4]
    const lease = await broker.sessions.acquire({
      clientId: this.clientId,
      userName: identity.userName,
      cleanStart: negotiated.cleanStart,
    });
    if (lease === 'unavailable') {
      this.refuse({ reasonCode: ReasonCode.serverUnavailable });
      return;
    }
    // [MQTT-3.1.2-5] [MQTT-3.1.2-6]
    let client = broker.clients.get(this.clientId);
    const sessionPresent = client !== undefined && lease.sessionPresent;
    if (client === undefined || !sessionPresent) {
      const session = new Session(lease, identity.userName, negotiated, broker.surroundings);
      client = { session, connection: undefined, expiresAt: Infinity, will: undefined };
      broker.register(client);
    }
    if (journaling !== undefined && client.session.recordConnection(this.connect, negotiated)) {
      client.expiresAt = Infinity;
      client.will = undefined;
      await journaling.commit();
      if (broker.clients.get(this.clientId) !== client) {
        this.refuse({ reasonCode: ReasonCode.serverBusy, reasonString: 'the session has just ended' });
        return;
      }
    }
    this.welcome(client, sessionPresent, identity, connack, lease);
  }

  /** CONNACK first [MQTT-3.2.0-1], then what the session owes the client. */
  private welcome(client: Client, sessionPresent: boolean, identity: Identity, connack: ConnackPacket, lease: Session['lease']): void {
    const { connection } = this;
    const { broker, stream } = connection;
    const negotiated = this.negotiated!;
    const { session } = client;
    client.connection = connection;
    client.expiresAt = Infinity;
    client.will = undefined; // A connection in time cancels the delayed will [MQTT-3.1.3-9].
    connack.sessionPresent = negotiated.protocolVersion !== 3 && sessionPresent; // [MQTT-3.2.2-3]; 3.1 has no such flag.
    if (!this.abandoned) this.connection.output.sendAnswer(connack);
    session.attach(connection.output, lease, this.connect, negotiated, this.settings.capabilities);
    if (this.abandoned) {
      // The client went away while its session was fetched: it has one all the same, and its will is due.
      connection.client = client;
      broker.connectionEnded(client, connection, 'lost', identity.permissions);
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
      remoteAddress: stream.remoteAddress,
      sessionPresent,
    });
    // The rules may have changed while nobody was connected.
    if (sessionPresent && identity.permissions !== allowAll) recheckSubscriptions(connection, session);
    broker.routing.cameOnline(session);
    connection.output.pump();
    connection.resume();
  }

  /** A success; whether a session is present is not known yet. */
  private connack(authenticationData: Uint8Array | undefined): ConnackPacket {
    const packet: ConnackPacket = { type: 'connack', sessionPresent: false, reasonCode: ReasonCode.success };
    if (this.connect.protocolVersion === 5) {
      packet.properties = { ...this.negotiated!.connackProperties };
      if (this.method !== undefined) {
        packet.properties.authenticationMethod = this.method;
        if (authenticationData !== undefined) packet.properties.authenticationData = authenticationData;
      }
    }
    return packet;
  }

  private refuse(refusal: Refusal): void {
    const { reasonCode, reasonString, userProperties } = refusal;
    this.connection.refuse(
      this.connect,
      reasonCode,
      reasonString ?? 'refused',
      this.refusalPacket(reasonCode, reasonString, userProperties),
    );
  }

  private refusalPacket(
    reasonCode: ReasonCode,
    reasonString: string | undefined,
    userProperties: readonly UserProperty[] | undefined,
  ): ConnackPacket | undefined {
    if (this.connect.protocolVersion === 5) {
      const properties = {
        ...(reasonString === undefined ? {} : { reasonString }),
        ...(userProperties === undefined ? {} : { userProperties }),
      };
      return { type: 'connack', sessionPresent: false, reasonCode, properties }; // [MQTT-3.2.2-6]
    }
    const returnCode = returnCodes.get(reasonCode);
    return returnCode === undefined ? undefined : { type: 'connack', sessionPresent: false, reasonCode: returnCode };
  }

  /** Packets that follow wait until the answer is there [MQTT-3.1.4-6]. */
  private inBackground(work: Promise<void>): void {
    this.connection.pause();
    work.catch((error: unknown) => {
      this.connection.broker.parts.events.emit('error', error instanceof Error ? error : new Error(String(error)));
      if (this.connection.isOpen) this.connection.close(ReasonCode.unspecifiedError, 'authentication failed');
      else this.refuse({ reasonCode: ReasonCode.serverUnavailable });
    });
  }
}

/** The capabilities of the configuration with the keep alive limit of the listener. */
export function capabilitiesOf(listener: {
  capabilities: Omit<Capabilities, 'serverKeepAliveSecondsMax'>;
  limits: { keepAliveSecondsMax: number };
}): Capabilities {
  const { keepAliveSecondsMax } = listener.limits;
  return {
    ...fullCapabilities,
    ...listener.capabilities,
    serverKeepAliveSecondsMax: keepAliveSecondsMax === Infinity ? 0 : keepAliveSecondsMax,
  };
}
