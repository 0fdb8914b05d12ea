import {
  type AuthPacket,
  type AuthProperties,
  type ConnackPacket,
  type ConnectPacket,
  type DisconnectPacket,
  encodedLength,
  type Packet,
  ReasonCode,
  type UserProperty,
} from '@si-mqtt/codec';
import {
  type AuthenticationRequest,
  type Capabilities,
  EnhancedAuthentication,
  fullCapabilities,
  type Negotiated,
  type NegotiationSettings,
  negotiate,
  type SessionLimits,
} from '@si-mqtt/session';
import { authenticateWith } from './access/authenticate-with.js';
import { type Authenticator, type Identity, type Refusal } from './access/authenticator.js';
import { type AuthenticationExchange, type AuthenticationMechanism, type ExchangeStep } from './access/enhanced.js';
import { type Connection } from './connection.js';
import { refusesToStore, takeSession } from './session-start.js';
import { isNameOfServer } from './sys-topics.js';

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

/**
 * From a CONNECT to its CONNACK: negotiation, authentication, and then the session. With enhanced authentication it stays and carries data
 * between AUTH packets and the mechanism in later re-authentications.
 */
export class Handshake {
  readonly connection: Connection;
  readonly connect: ConnectPacket;
  readonly settings: HandshakeSettings;
  clientId: string;
  isAbandoned = false;
  private agreement: Negotiated | undefined;
  private authentication: EnhancedAuthentication | undefined;
  private exchange: AuthenticationExchange | undefined;

  constructor(connection: Connection, connect: ConnectPacket, settings: HandshakeSettings) {
    this.connection = connection;
    this.connect = connect;
    this.settings = settings;
    this.clientId = connect.clientId;
  }

  /** Set when `start` has come as far as authentication. */
  get negotiated(): Negotiated {
    return this.agreement!;
  }

  get isEnhanced(): boolean {
    return this.authentication !== undefined;
  }

  /** The connection is gone: whatever comes from here on has nobody to answer to. */
  abandon(): void {
    this.isAbandoned = true;
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
    this.agreement = negotiated;
    this.connection.output.terms = negotiated;
    this.clientId = negotiated.clientId;
    this.ownWill();
    this.authentication = EnhancedAuthentication.ofConnect(this.connect);
    if (this.authentication === undefined) {
      this.inBackground(this.authenticate());
    } else if (this.mechanismOf(this.authentication) === undefined) {
      this.refuse({ reasonCode: ReasonCode.badAuthenticationMethod }); // [MQTT-4.12.0-1]
    } else {
      this.inBackground(this.step(this.authentication, this.authentication.first));
    }
  }

  /** What comes while the client is not accepted yet. */
  receiveBeforeConnack(packet: Packet): void {
    const { authentication } = this;
    const request = authentication!.receiveBeforeConnack(packet);
    if (request === 'disconnect') this.connection.disconnected(packet as DisconnectPacket);
    else this.inBackground(this.step(authentication!, request));
  }

  /** AUTH of a client that was accepted. */
  receiveAuth(packet: AuthPacket): void {
    const { authentication } = this;
    this.inBackground(this.step(authentication!, authentication!.receive(packet)));
  }

  private mechanismOf({ method }: EnhancedAuthentication): AuthenticationMechanism | undefined {
    return this.settings.mechanisms.find((mechanism) => mechanism.method === method);
  }

  private async authenticate(): Promise<void> {
    const { stream } = this.connection;
    const credentials = {
      clientId: this.clientId,
      userName: this.connect.userName,
      password: this.connect.password?.slice(),
      protocolVersion: this.connect.protocolVersion,
      listenerName: stream.listener.name,
      // To ask the system for it costs time and memory, and few authenticators want it.
      get remoteAddress() {
        return stream.remoteAddress;
      },
      certificate: stream.certificate,
    };
    const outcome = await authenticateWith(this.settings.authenticators, credentials, () => !this.isAbandoned);
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

  /** One step of the mechanism, and what it means for the client. */
  private async step(authentication: EnhancedAuthentication, { begins, data }: AuthenticationRequest): Promise<void> {
    const { connection } = this;
    if (begins) {
      this.exchange = this.mechanismOf(authentication)!.start({
        clientId: this.clientId,
        userName: connection.identity?.userName ?? this.connect.userName,
        listenerName: connection.stream.listener.name,
      });
    }
    const result: ExchangeStep = await this.exchange!.step(data?.slice());
    if (this.isAbandoned) return;
    if ('continue' in result) {
      this.sendAuth(authentication.challenge(result.continue));
      connection.resume();
      return;
    }
    this.exchange = undefined;
    if ('refused' in result) {
      connection.broker.counters.authenticationsRefused++;
      this.refuse(result.refused); // [MQTT-4.12.0-4] [MQTT-4.12.1-2]
      return;
    }
    const isReAuthentication = authentication.isReAuthentication;
    const properties = authentication.accept(result.data);
    if (!isReAuthentication) {
      await this.accept(result.accepted, properties);
    } else if (await connection.identify(result.accepted)) {
      this.sendAuth({ type: 'auth', reasonCode: ReasonCode.success, properties });
      connection.resume();
    }
  }

  private sendAuth(packet: AuthPacket): void {
    if (this.connection.output.sendAnswer(packet)) return;
    this.refuse({ reasonCode: ReasonCode.packetTooLarge, reasonString: 'AUTH is larger than Maximum Packet Size' }); // [MQTT-3.1.2-24]
  }

  private async accept(identity: Identity, authentication: AuthProperties | undefined): Promise<void> {
    const { will } = this.connect;
    if (will !== undefined) {
      let allowed =
        !isNameOfServer(will.topicName, this.clientId) && identity.permissions.mayPublish(will.topicName, will.qos, will.retain);
      if (allowed === 'unknown') allowed = await identity.permissions.decidePublish!(will.topicName);
      if (!allowed) {
        this.refuse({ reasonCode: ReasonCode.notAuthorized, reasonString: 'the will topic is not allowed' });
        return;
      }
    }
    const connack: ConnackPacket = { type: 'connack', sessionPresent: false, reasonCode: ReasonCode.success };
    const { protocolVersion, connackProperties, maximumPacketSize } = this.negotiated;
    if (protocolVersion === 5) connack.properties = { ...connackProperties, ...authentication };
    if (encodedLength(connack, protocolVersion) > maximumPacketSize) {
      this.refuse({ reasonCode: ReasonCode.packetTooLarge, reasonString: 'CONNACK is larger than Maximum Packet Size' }); // [MQTT-3.1.2-24]
      return;
    }
    // An earlier CONNECT of this client may wait for the store: to queue behind it would be no answer, and no bound.
    if (refusesToStore(this)) return;
    await this.settings.serially(this.clientId, () => takeSession(this, identity, connack));
  }

  /** CONNACK with the reason; DISCONNECT for a client that was accepted before. */
  refuse({ reasonCode, reasonString, userProperties }: Refusal): void {
    if (this.connection.isOpen) {
      this.connection.close(reasonCode, reasonString ?? 're-authentication failed');
      return;
    }
    this.connection.refuse(
      this.connect,
      reasonCode,
      reasonString ?? nameOf(reasonCode),
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
      this.refuse({ reasonCode: this.connection.isOpen ? ReasonCode.unspecifiedError : ReasonCode.serverUnavailable });
    });
  }
}

/** `bad user name or password`: the specification's name of a reason code, in words. */
function nameOf(reasonCode: ReasonCode): string {
  const [name = 'refused'] = Object.entries(ReasonCode).find(([, code]) => code === reasonCode) ?? [];
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
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
