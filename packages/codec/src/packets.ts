import { type ReasonCode } from './reason-codes.js';

/** Protocol level on the wire: 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5;
export type QoS = 0 | 1 | 2;
/** Name and value; order and repetition are significant (section 3.3.2.3.7). */
export type UserProperty = readonly [name: string, value: string];

export interface ConnectProperties {
  /** Seconds; 0xFFFFFFFF never expires. */
  sessionExpiryInterval?: number;
  receiveMaximum?: number;
  /** Bytes. */
  maximumPacketSize?: number;
  topicAliasMaximum?: number;
  requestResponseInformation?: boolean;
  requestProblemInformation?: boolean;
  userProperties?: readonly UserProperty[];
  authenticationMethod?: string;
  authenticationData?: Uint8Array;
}

export interface WillProperties {
  /** Seconds. */
  willDelayInterval?: number;
  payloadFormatIndicator?: 0 | 1;
  /** Seconds. */
  messageExpiryInterval?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Uint8Array;
  userProperties?: readonly UserProperty[];
}

export interface Will {
  topicName: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  properties?: WillProperties;
}

export interface ConnectPacket {
  type: 'connect';
  protocolVersion: ProtocolVersion;
  /** The level had its highest bit set (0x83, 0x84): a bridge of mosquitto's kind. */
  bridge?: boolean;
  /** Clean Start; Clean Session in 3.x. */
  cleanStart: boolean;
  /** Seconds; 0 is off. */
  keepAlive: number;
  clientId: string;
  will?: Will;
  userName?: string;
  password?: Uint8Array;
  properties?: ConnectProperties;
}

export interface ConnackProperties {
  sessionExpiryInterval?: number;
  receiveMaximum?: number;
  maximumQos?: 0 | 1;
  retainAvailable?: boolean;
  maximumPacketSize?: number;
  assignedClientIdentifier?: string;
  topicAliasMaximum?: number;
  reasonString?: string;
  userProperties?: readonly UserProperty[];
  wildcardSubscriptionAvailable?: boolean;
  subscriptionIdentifiersAvailable?: boolean;
  sharedSubscriptionAvailable?: boolean;
  /** Seconds. */
  serverKeepAlive?: number;
  responseInformation?: string;
  serverReference?: string;
  authenticationMethod?: string;
  authenticationData?: Uint8Array;
}

export interface ConnackPacket {
  type: 'connack';
  sessionPresent: boolean;
  /** A 5.0 reason code; for 3.x the CONNACK return code 0 to 5 as it is on the wire. */
  reasonCode: ReasonCode;
  properties?: ConnackProperties;
}

export interface PublishProperties {
  payloadFormatIndicator?: 0 | 1;
  /** Seconds. */
  messageExpiryInterval?: number;
  topicAlias?: number;
  responseTopic?: string;
  correlationData?: Uint8Array;
  userProperties?: readonly UserProperty[];
  /** In the order on the wire; only from a server. */
  subscriptionIdentifiers?: readonly number[];
  contentType?: string;
}

export interface PublishPacket {
  readonly type: 'publish';
  readonly dup: boolean;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Empty only when a topic alias stands for it. */
  readonly topicName: string;
  /** 0 when qos is 0. */
  readonly packetId: number;
  /** When decoded: a view into the chunk, valid until the receiver returns. Whoever keeps it copies it. */
  readonly payload: Uint8Array;
  readonly properties?: PublishProperties;
}

export interface AcknowledgementProperties {
  reasonString?: string;
  userProperties?: readonly UserProperty[];
}

export type AcknowledgementType = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';

export interface AcknowledgementPacket<Type extends AcknowledgementType = AcknowledgementType> {
  type: Type;
  packetId: number;
  /** Always 0 in 3.x. */
  reasonCode: ReasonCode;
  properties?: AcknowledgementProperties;
}
export type PubackPacket = AcknowledgementPacket<'puback'>;
export type PubrecPacket = AcknowledgementPacket<'pubrec'>;
export type PubrelPacket = AcknowledgementPacket<'pubrel'>;
export type PubcompPacket = AcknowledgementPacket<'pubcomp'>;

export interface SubscribeProperties {
  subscriptionIdentifier?: number;
  userProperties?: readonly UserProperty[];
}

export interface SubscriptionRequest {
  topicFilter: string;
  qos: QoS;
  /** False in 3.x. */
  noLocal: boolean;
  /** False in 3.x. */
  retainAsPublished: boolean;
  /** 0 in 3.x. */
  retainHandling: 0 | 1 | 2;
}

export interface SubscribePacket {
  type: 'subscribe';
  packetId: number;
  subscriptions: readonly SubscriptionRequest[];
  properties?: SubscribeProperties;
}

export interface SubackPacket {
  type: 'suback';
  packetId: number;
  /** One per topic filter, in their order. */
  reasonCodes: readonly ReasonCode[];
  properties?: AcknowledgementProperties;
}

export interface UnsubscribePacket {
  type: 'unsubscribe';
  packetId: number;
  topicFilters: readonly string[];
  properties?: { userProperties?: readonly UserProperty[] };
}

export interface UnsubackPacket {
  type: 'unsuback';
  packetId: number;
  /** One per topic filter, in their order; empty in 3.x, where UNSUBACK has no payload. */
  reasonCodes: readonly ReasonCode[];
  properties?: AcknowledgementProperties;
}

export interface PingreqPacket {
  type: 'pingreq';
}
export interface PingrespPacket {
  type: 'pingresp';
}

export interface DisconnectProperties {
  /** Seconds; only from a client. */
  sessionExpiryInterval?: number;
  reasonString?: string;
  userProperties?: readonly UserProperty[];
  /** Only from a server. */
  serverReference?: string;
}

export interface DisconnectPacket {
  type: 'disconnect';
  /** Always 0 in 3.x. */
  reasonCode: ReasonCode;
  properties?: DisconnectProperties;
}

export interface AuthProperties {
  authenticationMethod?: string;
  authenticationData?: Uint8Array;
  reasonString?: string;
  userProperties?: readonly UserProperty[];
}

/** 5.0 only. */
export interface AuthPacket {
  type: 'auth';
  reasonCode: ReasonCode;
  properties?: AuthProperties;
}

export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | PubackPacket
  | PubrecPacket
  | PubrelPacket
  | PubcompPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingreqPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket;
