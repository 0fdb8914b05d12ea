import { type ConnackProperties, type ConnectPacket, type ProtocolVersion, ReasonCode } from '@si-mqtt/codec';
import { type Capabilities, type SessionLimits } from './limits.js';
import { type RestoredSession } from './ports/journal.js';

/** Seconds; the wire value that means "never expires". */
const neverExpires = 0xffff_ffff;
/** The largest packet that the protocol can express: nothing is ever larger. */
export const packetSizeCeiling = 268_435_460;

/** What client and server agreed on for one connection. */
export interface Negotiated {
  readonly protocolVersion: ProtocolVersion;
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds; Infinity never expires. */
  readonly sessionExpiryInterval: number;
  /** Deliveries of QoS 1 and 2 that may be in flight to this client. */
  readonly sendQuota: number;
  /** Publications of QoS 1 and 2 that this client may have unfinished. */
  readonly receiveMaximum: number;
  /** Bytes; larger packets are not sent to this client. */
  readonly maximumPacketSize: number;
  readonly topicAliasMaximumIn: number;
  readonly topicAliasMaximumOut: number;
  /** Seconds; 0 is off. */
  readonly keepAliveSeconds: number;
  readonly requestProblemInformation: boolean;
  readonly bridge: boolean;
  /** For a successful CONNACK of 5.0, without authentication data; undefined before 5.0. */
  readonly connackProperties: ConnackProperties | undefined;
}

export interface NegotiationRefusal {
  readonly refused: ReasonCode;
  readonly reasonString: string;
}

export interface NegotiationSettings {
  readonly limits: SessionLimits;
  readonly capabilities: Capabilities;
  /** Gives an identifier that no session uses. */
  assignClientId(): string;
  /** `%c` is replaced by the client id; absent: no Response Information. */
  readonly responseTopicPrefix: string | undefined;
}

/** Checks a CONNECT against what the server offers and works out what holds on this connection (section 3.1 and 3.2). */
export function negotiate(connect: ConnectPacket, settings: NegotiationSettings): Negotiated | NegotiationRefusal {
  const { limits, capabilities } = settings;
  const v5 = connect.protocolVersion === 5;
  if (connect.clientId === '' && (connect.protocolVersion === 3 || (!v5 && !connect.cleanStart))) {
    // [v3.1.1 MQTT-3.1.3-8]; MQTT 3.1 has no empty client identifiers at all.
    return { refused: ReasonCode.clientIdentifierNotValid, reasonString: 'an empty client identifier needs Clean Session 1' };
  }
  if (connect.will !== undefined && connect.will.qos > capabilities.maximumQos) {
    return { refused: ReasonCode.qosNotSupported, reasonString: `Will QoS above ${capabilities.maximumQos}` }; // [MQTT-3.2.2-12]
  }
  if (connect.will?.retain === true && !capabilities.retainAvailable) {
    return { refused: ReasonCode.retainNotSupported, reasonString: 'Will Retain is not available' }; // [MQTT-3.2.2-13]
  }
  const assigned = connect.clientId === '' ? settings.assignClientId() : undefined; // [MQTT-3.1.3-6]
  const clientId = assigned ?? connect.clientId;
  const wish = connect.properties;
  const sessionExpiryInterval = sessionExpiry(connect, limits);
  const keepAliveSeconds = keepAlive(connect.keepAlive, v5, capabilities.serverKeepAliveSecondsMax);
  return {
    protocolVersion: connect.protocolVersion,
    clientId,
    cleanStart: connect.cleanStart,
    sessionExpiryInterval,
    sendQuota: Math.min(wish?.receiveMaximum ?? 65_535, limits.inflightOutMax),
    receiveMaximum: v5 ? limits.receiveMaximum : 65_535,
    maximumPacketSize: wish?.maximumPacketSize ?? packetSizeCeiling,
    topicAliasMaximumIn: v5 ? limits.topicAliasMaximumIn : 0,
    topicAliasMaximumOut: Math.min(wish?.topicAliasMaximum ?? 0, limits.topicAliasMaximumOut),
    keepAliveSeconds,
    requestProblemInformation: wish?.requestProblemInformation ?? true,
    bridge: connect.bridge === true,
    connackProperties: v5 ? connackProperties(connect, settings, assigned, clientId, sessionExpiryInterval, keepAliveSeconds) : undefined,
  };
}

function sessionExpiry(connect: ConnectPacket, limits: SessionLimits): number {
  if (connect.protocolVersion !== 5) return connect.cleanStart ? 0 : limits.persistentSessionExpirySeconds;
  return boundedSessionExpiry(connect.properties?.sessionExpiryInterval ?? 0, limits);
}

/** Seconds as on the wire to seconds that hold here, where Infinity never expires. */
export function boundedSessionExpiry(wire: number, limits: SessionLimits): number {
  return Math.min(wire === neverExpires ? Infinity : wire, limits.sessionExpirySecondsMax);
}

function keepAlive(wish: number, v5: boolean, maximum: number): number {
  // 3.x has no way to tell the client another value, so its own stands [MQTT-3.2.2-22].
  if (!v5 || maximum === 0) return wish;
  return wish === 0 || wish > maximum ? maximum : wish;
}

function connackProperties(
  connect: ConnectPacket,
  settings: NegotiationSettings,
  assigned: string | undefined,
  clientId: string,
  sessionExpiryInterval: number,
  keepAliveSeconds: number,
): ConnackProperties {
  const { limits, capabilities, responseTopicPrefix } = settings;
  const properties: ConnackProperties = { maximumPacketSize: limits.maximumPacketSize };
  const wished = connect.properties?.sessionExpiryInterval ?? 0;
  const wishedSeconds = wished === neverExpires ? Infinity : wished;
  if (sessionExpiryInterval !== wishedSeconds) properties.sessionExpiryInterval = sessionExpiryInterval;
  if (limits.receiveMaximum !== 65_535) properties.receiveMaximum = limits.receiveMaximum;
  if (capabilities.maximumQos !== 2) properties.maximumQos = capabilities.maximumQos; // [MQTT-3.2.2-9]
  if (!capabilities.retainAvailable) properties.retainAvailable = false;
  if (assigned !== undefined) properties.assignedClientIdentifier = assigned; // [MQTT-3.2.2-16]
  if (limits.topicAliasMaximumIn > 0) properties.topicAliasMaximum = limits.topicAliasMaximumIn;
  if (!capabilities.wildcardSubscriptionAvailable) properties.wildcardSubscriptionAvailable = false;
  if (!capabilities.subscriptionIdentifiersAvailable) properties.subscriptionIdentifiersAvailable = false;
  if (!capabilities.sharedSubscriptionAvailable) properties.sharedSubscriptionAvailable = false;
  if (keepAliveSeconds !== connect.keepAlive) properties.serverKeepAlive = keepAliveSeconds;
  if (connect.properties?.requestResponseInformation === true && responseTopicPrefix !== undefined) {
    properties.responseInformation = responseTopicPrefix.replaceAll('%c', clientId); // [MQTT-3.1.2-28]
  }
  return properties;
}

/** What holds for a session of an earlier run until its client comes back: nothing can be sent or received. */
export function restoredAgreement(stored: RestoredSession): Negotiated {
  return {
    protocolVersion: stored.protocolVersion,
    clientId: stored.clientId,
    cleanStart: false,
    sessionExpiryInterval: stored.sessionExpiryInterval,
    sendQuota: 0,
    receiveMaximum: 0,
    maximumPacketSize: packetSizeCeiling,
    topicAliasMaximumIn: 0,
    topicAliasMaximumOut: 0,
    keepAliveSeconds: 0,
    requestProblemInformation: false,
    bridge: false,
    connackProperties: undefined,
  };
}
