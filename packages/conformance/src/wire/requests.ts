import { bytes, field, type Part, packet, uint16 } from './bytes.js';
import { properties } from './properties.js';

/** 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0, as on the wire. */
export type Version = 3 | 4 | 5;

export interface WillOptions {
  readonly topic: Part;
  readonly payload?: Part;
  readonly qos?: number;
  readonly retain?: boolean;
  readonly properties?: readonly Part[];
}

/** Every part of a CONNECT; what is not given is ordinary, what is given goes onto the wire as it is. */
export interface ConnectOptions {
  readonly protocolName?: Part;
  readonly protocolLevel?: number;
  /** Replaces the flags that follow from the other options. */
  readonly flags?: number;
  readonly cleanStart?: boolean;
  /** Seconds. */
  readonly keepAlive?: number;
  readonly clientId?: Part;
  readonly properties?: readonly Part[];
  readonly will?: WillOptions;
  readonly userName?: Part;
  readonly password?: Part;
  /** Behind the last field. */
  readonly trailing?: Part;
}

export function connect(version: Version, options: ConnectOptions = {}): Buffer {
  const { will, userName, password } = options;
  const flags =
    (options.cleanStart === false ? 0 : 0x02) |
    (will === undefined ? 0 : 0x04 | ((will.qos ?? 0) << 3) | (will.retain === true ? 0x20 : 0)) |
    (password === undefined ? 0 : 0x40) |
    (userName === undefined ? 0 : 0x80);
  return packet(
    0x10,
    field(options.protocolName ?? (version === 3 ? 'MQIsdp' : 'MQTT')),
    options.protocolLevel ?? version,
    options.flags ?? flags,
    uint16(options.keepAlive ?? 0),
    version === 5 ? properties(options.properties) : [],
    field(options.clientId ?? ''),
    will === undefined ? [] : [version === 5 ? properties(will.properties) : [], field(will.topic), field(will.payload ?? [])],
    userName === undefined ? [] : field(userName),
    password === undefined ? [] : field(password),
    options.trailing ?? [],
  );
}

export interface PublishOptions {
  readonly topic: Part;
  readonly payload?: Part;
  readonly qos?: number;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly packetId?: number;
  readonly properties?: readonly Part[];
}

export function publish(version: Version, options: PublishOptions): Buffer {
  const qos = options.qos ?? 0;
  return packet(
    0x30 | (options.dup === true ? 0x08 : 0) | (qos << 1) | (options.retain === true ? 1 : 0),
    field(options.topic),
    options.packetId !== undefined ? uint16(options.packetId) : qos > 0 ? uint16(1) : [],
    version === 5 ? properties(options.properties) : [],
    options.payload ?? [],
  );
}

/** A filter with Subscription Options (5.0, 3.8.3.1) or Requested QoS. */
export interface FilterOptions {
  readonly filter: Part;
  readonly qos?: number;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  readonly retainHandling?: number;
  /** Replaces the byte that follows from the others. */
  readonly options?: number;
}

export function subscribe(
  version: Version,
  packetId: number,
  filters: readonly FilterOptions[],
  list: readonly Part[] = [],
  firstByte: number = 0x82,
): Buffer {
  return packet(
    firstByte,
    uint16(packetId),
    version === 5 ? properties(list) : [],
    filters.map((one) => [field(one.filter), one.options ?? subscriptionOptions(one)]),
  );
}

function subscriptionOptions(one: FilterOptions): number {
  return (one.qos ?? 0) | (one.noLocal === true ? 4 : 0) | (one.retainAsPublished === true ? 8 : 0) | ((one.retainHandling ?? 0) << 4);
}

export function unsubscribe(version: Version, packetId: number, filters: readonly Part[], firstByte: number = 0xa2): Buffer {
  return packet(firstByte, uint16(packetId), version === 5 ? properties() : [], filters.map(field));
}

/** PUBACK 0x40, PUBREC 0x50, PUBREL 0x62, PUBCOMP 0x70; the short form without a reason code. */
export function acknowledge(type: keyof typeof acknowledgementBytes, packetId: number, reasonCode?: number): Buffer {
  return packet(acknowledgementBytes[type], uint16(packetId), reasonCode === undefined ? [] : reasonCode);
}

const acknowledgementBytes = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

export const pingreq: Buffer = Buffer.of(0xc0, 0);

/** 5.0 with a reason code or properties has the long form. */
export function disconnect(reasonCode?: number, list?: readonly Part[]): Buffer {
  if (reasonCode === undefined) return Buffer.of(0xe0, 0);
  return packet(0xe0, reasonCode, list === undefined ? [] : properties(list));
}

export function auth(reasonCode: number, list: readonly Part[], firstByte: number = 0xf0): Buffer {
  return packet(firstByte, reasonCode, properties(list));
}

/** Text whose bytes are no well-formed UTF-8 (5.0, 1.5.4), by what is wrong with it. */
export const illFormedTexts: readonly (readonly [string, Buffer])[] = [
  ['a surrogate', bytes('a', 0xed, 0xa0, 0x80)],
  ['an overlong form', bytes('a', 0xc1, 0x81)],
  ['a lone continuation byte', bytes('a', 0x80)],
  ['a cut sequence', bytes('a', 0xe2, 0x82)],
  ['a code point above U+10FFFF', bytes('a', 0xf4, 0x90, 0x80, 0x80)],
];
