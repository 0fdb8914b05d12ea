import { type Bytes } from './buffer.js';

// The names in this file are those of mqtt-packet 9, letter for letter; the rest of the codec uses the specification's.

export type QoS = 0 | 1 | 2;

export type PacketCmd =
  | 'auth'
  | 'connack'
  | 'connect'
  | 'disconnect'
  | 'pingreq'
  | 'pingresp'
  | 'puback'
  | 'pubcomp'
  | 'publish'
  | 'pubrel'
  | 'pubrec'
  | 'suback'
  | 'subscribe'
  | 'unsuback'
  | 'unsubscribe';

/** A name that occurs several times has an array, in the order of the wire. The order between different names is not kept. */
export type UserProperties = { [index: string]: string | string[] };

export interface IPacket {
  cmd: PacketCmd;
  messageId?: number;
  /** Remaining Length, bytes; set by the parser. */
  length?: number;
}

interface ReasonProperties {
  reasonString?: string;
  userProperties?: UserProperties;
}

export interface IAuthPacket extends IPacket {
  cmd: 'auth';
  reasonCode: number;
  properties?: ReasonProperties & {
    authenticationMethod?: string;
    authenticationData?: Bytes;
  };
}

export interface IConnectPacket extends IPacket {
  cmd: 'connect';
  clientId: string;
  protocolVersion?: 4 | 5 | 3;
  protocolId?: 'MQTT' | 'MQIsdp';
  /** The protocol level has its highest bit set, as mosquitto's bridges do. */
  bridgeMode?: boolean;
  clean?: boolean;
  /** Seconds. */
  keepalive?: number;
  username?: string;
  password?: Bytes;
  will?: {
    topic: string;
    payload: Bytes | string;
    qos?: QoS;
    retain?: boolean;
    properties?: {
      willDelayInterval?: number;
      payloadFormatIndicator?: boolean;
      messageExpiryInterval?: number;
      contentType?: string;
      responseTopic?: string;
      correlationData?: Bytes;
      userProperties?: UserProperties;
    };
  };
  properties?: {
    sessionExpiryInterval?: number;
    receiveMaximum?: number;
    maximumPacketSize?: number;
    topicAliasMaximum?: number;
    requestResponseInformation?: boolean;
    requestProblemInformation?: boolean;
    userProperties?: UserProperties;
    authenticationMethod?: string;
    authenticationData?: Bytes;
  };
}

export interface IPublishPacket extends IPacket {
  cmd: 'publish';
  qos: QoS;
  dup: boolean;
  retain: boolean;
  topic: string;
  payload: string | Bytes;
  properties?: {
    payloadFormatIndicator?: boolean;
    messageExpiryInterval?: number;
    topicAlias?: number;
    responseTopic?: string;
    correlationData?: Bytes;
    userProperties?: UserProperties;
    subscriptionIdentifier?: number | number[];
    contentType?: string;
  };
}

export interface IConnackPacket extends IPacket {
  cmd: 'connack';
  /** 3.1 and 3.1.1. */
  returnCode?: number;
  /** 5.0. */
  reasonCode?: number;
  sessionPresent: boolean;
  properties?: ReasonProperties & {
    sessionExpiryInterval?: number;
    receiveMaximum?: number;
    maximumQoS?: number;
    retainAvailable?: boolean;
    maximumPacketSize?: number;
    assignedClientIdentifier?: string;
    topicAliasMaximum?: number;
    wildcardSubscriptionAvailable?: boolean;
    subscriptionIdentifiersAvailable?: boolean;
    sharedSubscriptionAvailable?: boolean;
    serverKeepAlive?: number;
    responseInformation?: string;
    serverReference?: string;
    authenticationMethod?: string;
    authenticationData?: Bytes;
  };
}

export interface ISubscription {
  topic: string;
  qos: QoS;
  /** No Local, 5.0. */
  nl?: boolean;
  /** Retain As Published, 5.0. */
  rap?: boolean;
  /** Retain Handling, 5.0. */
  rh?: number;
}

export interface ISubscribePacket extends IPacket {
  cmd: 'subscribe';
  subscriptions: ISubscription[];
  properties?: ReasonProperties & { subscriptionIdentifier?: number };
}

export interface ISubackPacket extends IPacket {
  cmd: 'suback';
  reasonCode?: number;
  properties?: ReasonProperties;
  // mqtt-packet declares `number[] | Object[]`; MQTT.js depends on the second half.
  granted: number[] | object[];
}

export interface IUnsubscribePacket extends IPacket {
  cmd: 'unsubscribe';
  properties?: ReasonProperties;
  unsubscriptions: string[];
}

export interface IUnsubackPacket extends IPacket {
  cmd: 'unsuback';
  reasonCode?: number;
  properties?: ReasonProperties;
  granted: number[];
}

export interface IPubackPacket extends IPacket {
  cmd: 'puback';
  reasonCode?: number;
  properties?: ReasonProperties;
}

export interface IPubrecPacket extends IPacket {
  cmd: 'pubrec';
  reasonCode?: number;
  properties?: ReasonProperties;
}

export interface IPubrelPacket extends IPacket {
  cmd: 'pubrel';
  reasonCode?: number;
  properties?: ReasonProperties;
}

export interface IPubcompPacket extends IPacket {
  cmd: 'pubcomp';
  reasonCode?: number;
  properties?: ReasonProperties;
}

export interface IPingreqPacket extends IPacket {
  cmd: 'pingreq';
}

export interface IPingrespPacket extends IPacket {
  cmd: 'pingresp';
}

export interface IDisconnectPacket extends IPacket {
  cmd: 'disconnect';
  reasonCode?: number;
  properties?: ReasonProperties & {
    sessionExpiryInterval?: number;
    serverReference?: string;
  };
}

export type Packet =
  | IConnectPacket
  | IPublishPacket
  | IConnackPacket
  | ISubscribePacket
  | ISubackPacket
  | IUnsubscribePacket
  | IUnsubackPacket
  | IPubackPacket
  | IPubcompPacket
  | IPubrelPacket
  | IPingreqPacket
  | IPingrespPacket
  | IDisconnectPacket
  | IPubrecPacket
  | IAuthPacket;
