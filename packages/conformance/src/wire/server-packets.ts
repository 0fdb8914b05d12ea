export type AcknowledgementType = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';
export type PropertyCarrier = AcknowledgementType | 'connack' | 'publish' | 'suback' | 'unsuback' | 'disconnect' | 'auth';

/** The properties of one packet; `names` has them in their order, repetitions included. Empty before 5.0. */
export interface Properties {
  readonly names: string[];
  readonly userProperties: [name: string, value: string][];
  readonly subscriptionIdentifiers: number[];
  readonly payloadFormatIndicator?: number;
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  readonly sessionExpiryInterval?: number;
  readonly assignedClientIdentifier?: string;
  readonly serverKeepAlive?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQos?: number;
  readonly retainAvailable?: number;
  readonly maximumPacketSize?: number;
  readonly wildcardSubscriptionAvailable?: number;
  readonly subscriptionIdentifierAvailable?: number;
  readonly sharedSubscriptionAvailable?: number;
}

export interface ConnackPacket {
  readonly type: 'connack';
  readonly sessionPresent: boolean;
  /** Return code before 5.0. */
  readonly reasonCode: number;
  readonly properties: Properties;
  readonly raw: Buffer;
}

export interface PublishPacket {
  readonly type: 'publish';
  readonly topic: string;
  readonly topicBytes: Buffer;
  readonly qos: number;
  readonly dup: boolean;
  readonly retain: boolean;
  readonly packetId: number | undefined;
  readonly properties: Properties;
  readonly payload: Buffer;
  readonly raw: Buffer;
}

export interface AcknowledgementPacket {
  readonly type: AcknowledgementType;
  readonly packetId: number;
  readonly reasonCode: number;
  readonly properties: Properties;
  readonly raw: Buffer;
}

export interface SubscriptionAcknowledgement<Type extends 'suback' | 'unsuback' = 'suback' | 'unsuback'> {
  readonly type: Type;
  readonly packetId: number;
  /** Empty for UNSUBACK before 5.0. */
  readonly reasonCodes: readonly number[];
  readonly properties: Properties;
  readonly raw: Buffer;
}

export interface EndingPacket<Type extends 'disconnect' | 'auth' = 'disconnect' | 'auth'> {
  readonly type: Type;
  readonly reasonCode: number;
  readonly properties: Properties;
  readonly raw: Buffer;
}

export interface PingrespPacket {
  readonly type: 'pingresp';
  readonly raw: Buffer;
}

export interface PacketByType {
  connack: ConnackPacket;
  publish: PublishPacket;
  puback: AcknowledgementPacket;
  pubrec: AcknowledgementPacket;
  pubrel: AcknowledgementPacket;
  pubcomp: AcknowledgementPacket;
  suback: SubscriptionAcknowledgement<'suback'>;
  unsuback: SubscriptionAcknowledgement<'unsuback'>;
  pingresp: PingrespPacket;
  disconnect: EndingPacket<'disconnect'>;
  auth: EndingPacket<'auth'>;
}

export type ServerPacket = PacketByType[keyof PacketByType];

interface PropertyRule {
  readonly name: Exclude<keyof Properties, 'names'>;
  readonly kind: 'byte' | 'uint16' | 'uint32' | 'text' | 'binary';
  readonly carriers: readonly PropertyCarrier[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const acknowledgements: readonly PropertyCarrier[] = ['puback', 'pubrec', 'pubrel', 'pubcomp', 'suback', 'unsuback'];

/** What a server may send where (5.0, table 2-4). Will and request properties of clients are not among them. */
export const propertyRules: Readonly<Record<number, PropertyRule | undefined>> = {
  0x01: { name: 'payloadFormatIndicator', kind: 'byte', carriers: ['publish'], maximum: 1 },
  0x02: { name: 'messageExpiryInterval', kind: 'uint32', carriers: ['publish'] },
  0x03: { name: 'contentType', kind: 'text', carriers: ['publish'] },
  0x08: { name: 'responseTopic', kind: 'text', carriers: ['publish'] },
  0x09: { name: 'correlationData', kind: 'binary', carriers: ['publish'] },
  0x0b: { name: 'subscriptionIdentifiers', kind: 'uint32', carriers: ['publish'] },
  // A server's DISCONNECT never has it [MQTT-3.14.2-2].
  0x11: { name: 'sessionExpiryInterval', kind: 'uint32', carriers: ['connack'] },
  0x12: { name: 'assignedClientIdentifier', kind: 'text', carriers: ['connack'] },
  0x13: { name: 'serverKeepAlive', kind: 'uint16', carriers: ['connack'] },
  0x15: { name: 'authenticationMethod', kind: 'text', carriers: ['connack', 'auth'] },
  0x16: { name: 'authenticationData', kind: 'binary', carriers: ['connack', 'auth'] },
  0x1a: { name: 'responseInformation', kind: 'text', carriers: ['connack'] },
  0x1c: { name: 'serverReference', kind: 'text', carriers: ['connack', 'disconnect'] },
  0x1f: { name: 'reasonString', kind: 'text', carriers: ['connack', 'disconnect', 'auth', ...acknowledgements] },
  0x21: { name: 'receiveMaximum', kind: 'uint16', carriers: ['connack'], minimum: 1 },
  0x22: { name: 'topicAliasMaximum', kind: 'uint16', carriers: ['connack'] },
  0x23: { name: 'topicAlias', kind: 'uint16', carriers: ['publish'], minimum: 1 },
  0x24: { name: 'maximumQos', kind: 'byte', carriers: ['connack'], maximum: 1 },
  0x25: { name: 'retainAvailable', kind: 'byte', carriers: ['connack'], maximum: 1 },
  0x26: { name: 'userProperties', kind: 'text', carriers: ['connack', 'publish', 'disconnect', 'auth', ...acknowledgements] },
  0x27: { name: 'maximumPacketSize', kind: 'uint32', carriers: ['connack'], minimum: 1 },
  0x28: { name: 'wildcardSubscriptionAvailable', kind: 'byte', carriers: ['connack'], maximum: 1 },
  0x29: { name: 'subscriptionIdentifierAvailable', kind: 'byte', carriers: ['connack'], maximum: 1 },
  0x2a: { name: 'sharedSubscriptionAvailable', kind: 'byte', carriers: ['connack'], maximum: 1 },
};

const received = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const released = [0x00, 0x92];

/** The reason codes that a server may use (5.0, table 2-6 and the sections of the packets). */
export const reasonCodesOf: Readonly<Record<Exclude<PropertyCarrier, 'publish'>, readonly number[]>> = {
  connack: [
    0, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
  ],
  puback: received,
  pubrec: received,
  pubrel: released,
  pubcomp: released,
  suback: [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  // 0x04 is a client's alone.
  disconnect: [
    0, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d,
    0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ],
  auth: [0, 0x18],
};
