import { type QoS } from '@si-mqtt/codec';
import { type ConnectionEnd } from '@si-mqtt/session';
import { ByteReader, ByteWriter, FormatError } from '../bytes.js';
import { keyLength } from '../position.js';
import {
  type ConnectEntry,
  type Delivery,
  type DeliveryState,
  type DisconnectEntry,
  type Entry,
  type PublishEntry,
  type SessionKey,
  type StoredSubscription,
  type WaitingDelivery,
} from './entries.js';

/**
 * The body of a record: format version (1 byte), then entries, each kind (1), length of what follows (4), content. Numbers of kinds are never
 * given again; a new field of an entry needs a new format version, whose reader also reads the older ones (test/golden has them all).
 */
const formatVersion = 1;
const kindNumbers: { readonly [Kind in Entry['kind']]: number } = {
  publish: 1,
  connect: 2,
  disconnect: 3,
  subscribe: 4,
  unsubscribe: 5,
  releaseInbound: 6,
  outbound: 7,
  finished: 8,
  sessionEnd: 9,
  shareMove: 10,
  shareRemove: 11,
};
const kinds = new Map(Object.entries(kindNumbers).map(([kind, number]) => [number, kind as Entry['kind']]));
const connectionEnds: readonly ConnectionEnd[] = ['disconnected', 'lost', 'takenOver', 'replaced', 'shutdown'];
/** The index of an entry has two bytes in an origin. */
export const entriesMax = 0x1_0000;
const never = 0xffff_ffff_ffff;
const neverSeconds = 0xffff_ffff;

/** Packs the entries of one commit. */
export class RecordWriter {
  entries = 0;
  /** PUBLISH entries. */
  messages = 0;
  private readonly writer: ByteWriter = new ByteWriter(4096);

  constructor() {
    this.writer.u8(formatVersion);
  }

  get bytes(): number {
    return this.writer.length;
  }

  /** Returns the index of the entry in its record. */
  add(entry: Entry): number {
    if (this.entries === entriesMax) throw new RangeError(`a record holds at most ${entriesMax} entries`);
    const { writer } = this;
    writer.u8(kindNumbers[entry.kind]).u32(0);
    const start = writer.length;
    try {
      writeEntry(writer, entry);
    } catch (error) {
      writer.truncate(start - 5);
      throw error;
    }
    writer.patchU32(start - 4, writer.length - start);
    if (entry.kind === 'publish') this.messages += 1;
    return this.entries++;
  }

  /** The body, on memory of its own. */
  finish(): Uint8Array {
    return this.writer.copy();
  }
}

/** Entries of a record, in their order; their bytes are views into the body. */
export function readRecord(body: Uint8Array): Entry[] {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== formatVersion) throw new FormatError(`a record has format ${version}; this program knows ${formatVersion}`);
  const entries: Entry[] = [];
  while (!reader.atEnd) {
    const number = reader.u8();
    const kind = kinds.get(number);
    if (kind === undefined) throw new FormatError(`a record has an entry of kind ${number}`);
    const content = new ByteReader(reader.raw(reader.u32()));
    entries.push(readEntry(content, kind));
    if (!content.atEnd) throw new FormatError(`an entry of kind ${kind} is longer than its content`);
  }
  return entries;
}

function writeEntry(writer: ByteWriter, entry: Entry): void {
  switch (entry.kind) {
    case 'publish':
      return writePublish(writer, entry);
    case 'connect':
      return writeConnect(writer, entry);
    case 'disconnect':
      return writeDisconnect(writer, entry);
    case 'subscribe':
      writeSession(writer, entry.session);
      return writeList(writer, entry.subscriptions, writeSubscription);
    case 'unsubscribe':
      writeSession(writer, entry.session);
      return writeList(writer, entry.requested, (requested) => writer.text(requested));
    case 'releaseInbound':
      writeSession(writer, entry.session);
      return writeList(writer, entry.packetIds, (packetId) => writer.u16(packetId));
    case 'outbound':
      writeSession(writer, entry.session);
      return writeList(writer, entry.states, ({ pos, packetId, state }) => writer.u64(pos).u16(packetId).u8(state));
    case 'finished':
      writeSession(writer, entry.session);
      return writeList(writer, entry.positions, (pos) => writer.u64(pos));
    case 'sessionEnd':
      return writeSession(writer, entry.session);
    case 'shareMove':
      writeKey(writer, entry.group);
      writeKey(writer, entry.origin);
      writer.block(entry.message);
      return writeDelivery(entry.delivery, writer);
    case 'shareRemove':
      writeKey(writer, entry.group);
      return writeList(writer, entry.origins, (origin) => writeKey(writer, origin));
  }
}

function readEntry(reader: ByteReader, kind: Entry['kind']): Entry {
  switch (kind) {
    case 'publish':
      return readPublish(reader);
    case 'connect':
      return readConnect(reader);
    case 'disconnect':
      return readDisconnect(reader);
    case 'subscribe':
      return { kind, session: readSession(reader), subscriptions: readList(reader, readSubscription) };
    case 'unsubscribe':
      return { kind, session: readSession(reader), requested: readList(reader, () => reader.text()) };
    case 'releaseInbound':
      return { kind, session: readSession(reader), packetIds: readList(reader, () => reader.u16()) };
    case 'outbound': {
      const state = () => ({ pos: reader.u64(), packetId: reader.u16(), state: reader.u8() as DeliveryState });
      return { kind, session: readSession(reader), states: readList(reader, state) };
    }
    case 'finished':
      return { kind, session: readSession(reader), positions: readList(reader, () => reader.u64()) };
    case 'sessionEnd':
      return { kind, session: readSession(reader) };
    case 'shareMove': {
      const group = reader.raw(keyLength);
      const origin = reader.raw(keyLength);
      return { kind, group, origin, message: reader.block(), delivery: readDelivery(reader) };
    }
    case 'shareRemove':
      return { kind, group: reader.raw(keyLength), origins: readList(reader, () => reader.raw(keyLength)) };
  }
}

const PublishFlag = { retained: 1, inbound: 2, will: 4 } as const;

function writePublish(writer: ByteWriter, entry: PublishEntry): void {
  const { inbound, will, retained } = entry;
  const flags =
    (retained ? PublishFlag.retained : 0) | (inbound === undefined ? 0 : PublishFlag.inbound) | (will === undefined ? 0 : PublishFlag.will);
  writer.u8(flags).block(entry.message);
  if (inbound !== undefined) {
    writeSession(writer, inbound.session);
    writer.u16(inbound.packetId);
  }
  if (will !== undefined) {
    writeSession(writer, will.session);
    writer.varint(will.connection);
  }
  writeList(writer, entry.deliveries, writeDelivery);
  writeList(writer, entry.waiting, writeWaiting);
}

function readPublish(reader: ByteReader): PublishEntry {
  const flags = reader.u8();
  const message = reader.block();
  return {
    kind: 'publish',
    message,
    inbound: (flags & PublishFlag.inbound) === 0 ? undefined : { session: readSession(reader), packetId: reader.u16() },
    will: (flags & PublishFlag.will) === 0 ? undefined : { session: readSession(reader), connection: reader.varint() },
    retained: (flags & PublishFlag.retained) !== 0,
    deliveries: readList(reader, readDelivery),
    waiting: readList(reader, readWaiting),
  };
}

const ConnectFlag = { userName: 1, will: 2, ended: 4 } as const;

function writeConnect(writer: ByteWriter, entry: ConnectEntry): void {
  const { userName, will, ended } = entry;
  writeSession(writer, entry.session);
  const flags =
    (userName === undefined ? 0 : ConnectFlag.userName) |
    (will === undefined ? 0 : ConnectFlag.will) |
    (ended === undefined ? 0 : ConnectFlag.ended);
  writer.u8(flags).text(entry.clientId).varint(entry.connection);
  writeSeconds(writer, entry.sessionExpiryInterval);
  if (userName !== undefined) writer.text(userName);
  if (will !== undefined) writer.u32(will.delaySeconds).block(will.message);
  if (ended !== undefined) writeKey(writer, ended);
}

function readConnect(reader: ByteReader): ConnectEntry {
  const session = readSession(reader);
  const flags = reader.u8();
  return {
    kind: 'connect',
    session,
    clientId: reader.text(),
    connection: reader.varint(),
    sessionExpiryInterval: readSeconds(reader),
    userName: (flags & ConnectFlag.userName) === 0 ? undefined : reader.text(),
    will: (flags & ConnectFlag.will) === 0 ? undefined : { delaySeconds: reader.u32(), message: reader.block() },
    ended: (flags & ConnectFlag.ended) === 0 ? undefined : reader.raw(keyLength),
  };
}

function writeDisconnect(writer: ByteWriter, entry: DisconnectEntry): void {
  writeSession(writer, entry.session);
  writer.varint(entry.connection).u8(connectionEnds.indexOf(entry.end));
  writeSeconds(writer, entry.sessionExpiryInterval);
  writer.u48(entry.expiresAt === Infinity ? never : entry.expiresAt);
  writer.u48(entry.willDueAt ?? never);
}

function readDisconnect(reader: ByteReader): DisconnectEntry {
  const session = readSession(reader);
  const connection = reader.varint();
  const end = connectionEnds[reader.u8()];
  if (end === undefined) throw new FormatError('a connection ended in an unknown way');
  const sessionExpiryInterval = readSeconds(reader);
  const expiresAt = reader.u48();
  const willDueAt = reader.u48();
  return {
    kind: 'disconnect',
    session,
    connection,
    end,
    sessionExpiryInterval,
    expiresAt: expiresAt === never ? Infinity : expiresAt,
    willDueAt: willDueAt === never ? undefined : willDueAt,
  };
}

const SubscriptionFlag = { noLocal: 1, retainAsPublished: 2, shared: 4 } as const;

function writeSubscription(subscription: StoredSubscription, writer: ByteWriter): void {
  const { noLocal, retainAsPublished, shareName } = subscription;
  const flags =
    (noLocal ? SubscriptionFlag.noLocal : 0) |
    (retainAsPublished ? SubscriptionFlag.retainAsPublished : 0) |
    (shareName === undefined ? 0 : SubscriptionFlag.shared);
  writer.u8(flags).u8(subscription.qos).varint(subscription.subscriptionIdentifier);
  writer.text(subscription.topicFilter).text(shareName ?? '');
  writer.text(subscription.requested);
}

function readSubscription(reader: ByteReader): StoredSubscription {
  const flags = reader.u8();
  const qos = reader.u8() as QoS;
  const subscriptionIdentifier = reader.varint();
  const topicFilter = reader.text();
  const shareName = reader.text();
  return {
    requested: reader.text(),
    topicFilter,
    shareName: (flags & SubscriptionFlag.shared) === 0 ? undefined : shareName,
    qos,
    noLocal: (flags & SubscriptionFlag.noLocal) !== 0,
    retainAsPublished: (flags & SubscriptionFlag.retainAsPublished) !== 0,
    subscriptionIdentifier,
  };
}

const DeliveryFlag = { retain: 0x10, group: 0x20, identifiers: 0x40 } as const;

/** The first byte: QoS (2 bits), state (2 bits), flags. */
function writeDelivery(delivery: Delivery, writer: ByteWriter): void {
  const { group, subscriptionIdentifiers } = delivery;
  const flags =
    (delivery.retain ? DeliveryFlag.retain : 0) |
    (group === undefined ? 0 : DeliveryFlag.group) |
    (subscriptionIdentifiers === undefined ? 0 : DeliveryFlag.identifiers);
  writer.u8(delivery.qos | (delivery.state << 2) | flags);
  writeSession(writer, delivery.session);
  writer.u64(delivery.pos).u16(delivery.packetId);
  if (group !== undefined) writeKey(writer, group);
  if (subscriptionIdentifiers !== undefined) writeNumbers(writer, subscriptionIdentifiers);
}

function readDelivery(reader: ByteReader): Delivery {
  const first = reader.u8();
  return {
    session: readSession(reader),
    pos: reader.u64(),
    packetId: reader.u16(),
    group: (first & DeliveryFlag.group) === 0 ? undefined : reader.raw(keyLength),
    subscriptionIdentifiers: (first & DeliveryFlag.identifiers) === 0 ? undefined : readNumbers(reader),
    qos: (first & 3) as QoS,
    state: ((first >> 2) & 3) as DeliveryState,
    retain: (first & DeliveryFlag.retain) !== 0,
  };
}

function writeWaiting(waiting: WaitingDelivery, writer: ByteWriter): void {
  writer.u8(waiting.qos | (waiting.subscriptionIdentifiers === undefined ? 0 : DeliveryFlag.identifiers));
  writeKey(writer, waiting.group);
  if (waiting.subscriptionIdentifiers !== undefined) writeNumbers(writer, waiting.subscriptionIdentifiers);
}

function readWaiting(reader: ByteReader): WaitingDelivery {
  const first = reader.u8();
  return {
    group: reader.raw(keyLength),
    subscriptionIdentifiers: (first & DeliveryFlag.identifiers) === 0 ? undefined : readNumbers(reader),
    qos: (first & 3) as QoS,
  };
}

function writeSession(writer: ByteWriter, { sid, incarnation }: SessionKey): void {
  writeKey(writer, sid);
  writeKey(writer, incarnation);
}

function readSession(reader: ByteReader): SessionKey {
  return { sid: reader.raw(keyLength), incarnation: reader.raw(keyLength) };
}

function writeKey(writer: ByteWriter, key: Uint8Array): void {
  if (key.length !== keyLength) throw new RangeError(`a key of ${key.length} bytes`);
  writer.raw(key);
}

function writeSeconds(writer: ByteWriter, seconds: number): void {
  writer.u32(seconds === Infinity ? neverSeconds : seconds);
}

function readSeconds(reader: ByteReader): number {
  const seconds = reader.u32();
  return seconds === neverSeconds ? Infinity : seconds;
}

function writeList<Item>(writer: ByteWriter, items: readonly Item[], write: (item: Item, writer: ByteWriter) => void): void {
  writer.varint(items.length);
  for (const item of items) write(item, writer);
}

function readList<Item>(reader: ByteReader, read: (reader: ByteReader) => Item): Item[] {
  const items: Item[] = [];
  for (let count = reader.varint(); count > 0; count -= 1) items.push(read(reader));
  return items;
}

function writeNumbers(writer: ByteWriter, numbers: readonly number[]): void {
  writeList(writer, numbers, (number) => writer.varint(number));
}

function readNumbers(reader: ByteReader): number[] {
  return readList(reader, () => reader.varint());
}

/** Subscription Identifiers as a column. */
export function packNumbers(numbers: readonly number[] | undefined): Uint8Array | null {
  if (numbers === undefined) return null;
  const writer = new ByteWriter(16);
  writeNumbers(writer, numbers);
  return writer.copy();
}

export function unpackNumbers(bytes: Uint8Array | null): number[] | undefined {
  return bytes === null ? undefined : readNumbers(new ByteReader(bytes));
}
