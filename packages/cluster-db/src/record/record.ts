import { type QoS } from '@si-mqtt/codec';
import { ByteReader, ByteWriter, FormatError } from '../bytes.js';
import { keyLength } from '../position.js';
import { type SessionReference } from '../rows.js';
import {
  type EncodedMessage,
  type EnqueuedEntry,
  type Entry,
  reencodedMessage,
  type SessionEntry,
  type SubscribedEntry,
} from './entries.js';

/**
 * The body of a record: format version (1 byte), then parts, each kind (1), length of what follows (4), content. A part is an entry, or a message
 * that later entries refer to by its number in the record. Numbers of kinds are never given again; a new field of an entry needs a new format
 * version, whose reader also reads the older ones (test/golden has them all).
 */
const formatVersion = 1;
const messageKind = 1;
const kindNumbers: { readonly [Kind in Entry['kind']]: number } = {
  session: 2,
  willEnded: 3,
  ended: 4,
  subscribed: 5,
  unsubscribed: 6,
  enqueued: 7,
  wentOn: 8,
  finished: 9,
  inboundReceived: 10,
  inboundReleased: 11,
  retained: 12,
  groupEnqueued: 13,
  groupFinished: 14,
  groupEnded: 15,
  enqueuedLazily: 16,
};
const kinds = new Map(Object.entries(kindNumbers).map(([kind, number]) => [number, kind as Entry['kind']]));
/** The index of an entry has two bytes in `at`. */
export const entriesMax = 0x1_0000;
const never = 0xffff_ffff_ffff;
const neverSeconds = 0xffff_ffff;
/** Kind and length. */
const headLength = 5;

/** Packs the entries of one commit. */
export class RecordWriter {
  entries = 0;
  private readonly writer: ByteWriter = new ByteWriter(4096);
  private readonly messageNumbers: Map<EncodedMessage, number> = new Map();

  constructor() {
    this.writer.u8(formatVersion);
  }

  get bytes(): number {
    return this.writer.length;
  }

  get messages(): number {
    return this.messageNumbers.size;
  }

  /** Returns the index of the entry in its record. */
  add(entry: Entry): number {
    if (this.entries === entriesMax) throw new RangeError(`a record holds at most ${entriesMax} entries`);
    const { writer } = this;
    const number = 'message' in entry ? this.numberOf(entry.message) : 0;
    const start = this.begin(kindNumbers[entry.kind]);
    writeEntry(writer, entry, number);
    writer.patchU32(start - 4, writer.length - start);
    return this.entries++;
  }

  /** The body, on memory of its own. */
  finish(): Uint8Array {
    return this.writer.copy();
  }

  private numberOf(message: EncodedMessage): number {
    const known = this.messageNumbers.get(message);
    if (known !== undefined) return known;
    const start = this.begin(messageKind);
    this.writer.raw(message.bytes);
    this.writer.patchU32(start - 4, message.bytes.length);
    const number = this.messageNumbers.size;
    this.messageNumbers.set(message, number);
    return number;
  }

  private begin(kind: number): number {
    this.writer.u8(kind).u32(0);
    return this.writer.length;
  }
}

/** What `RecordWriter` would need for the entry, more or less. */
export function entryBytes(entry: Entry): number {
  return headLength + 60 + ('message' in entry ? entry.message.bytes.length : 0);
}

/** Entries of a record, in their order; their bytes are views into the body. */
export function readRecord(body: Uint8Array): Entry[] {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== formatVersion) throw new FormatError(`a record has format ${version}; this program knows ${formatVersion}`);
  const entries: Entry[] = [];
  const messages: EncodedMessage[] = [];
  while (!reader.atEnd) {
    const number = reader.u8();
    const bytes = reader.raw(reader.u32());
    if (number === messageKind) {
      messages.push(reencodedMessage(bytes));
      continue;
    }
    const kind = kinds.get(number);
    if (kind === undefined) throw new FormatError(`a record has an entry of kind ${number}`);
    const content = new ByteReader(bytes);
    entries.push(readEntry(content, kind, messages));
    if (!content.atEnd) throw new FormatError(`an entry of kind ${kind} is longer than its content`);
  }
  return entries;
}

function writeEntry(writer: ByteWriter, entry: Entry, messageNumber: number): void {
  if ('session' in entry) writeSession(writer, entry.session);
  switch (entry.kind) {
    case 'session':
      writeSessionState(writer, entry);
      return;
    case 'willEnded':
    case 'ended':
      return;
    case 'subscribed':
      writeSubscription(writer, entry.subscription);
      return;
    case 'unsubscribed':
      writer.text(entry.requested);
      return;
    case 'enqueued':
    case 'enqueuedLazily':
      writer.varint(messageNumber);
      writeDelivery(writer, entry);
      return;
    case 'wentOn':
      writer
        .varint(entry.position)
        .u16(entry.packetId)
        .u8(entry.received ? 1 : 0);
      return;
    case 'finished':
      writer.varint(entry.position);
      return;
    case 'inboundReceived':
    case 'inboundReleased':
      writer.u16(entry.packetId);
      return;
    case 'retained':
      writer.varint(messageNumber);
      return;
    case 'groupEnqueued':
      writer.varint(messageNumber).varint(entry.position).text(entry.sharedSubscription);
      return;
    case 'groupFinished':
      writer.varint(entry.position).text(entry.sharedSubscription);
      return;
    case 'groupEnded':
      writer.text(entry.sharedSubscription);
      return;
  }
}

function readEntry(reader: ByteReader, kind: Entry['kind'], messages: readonly EncodedMessage[]): Entry {
  const message = () => {
    const found = messages[reader.varint()];
    if (found === undefined) throw new FormatError('an entry refers to a message that the record does not have');
    return found;
  };
  switch (kind) {
    case 'session':
      return readSessionState(reader);
    case 'willEnded':
    case 'ended':
      return { kind, session: readSession(reader) };
    case 'subscribed':
      return { kind, session: readSession(reader), subscription: readSubscription(reader) };
    case 'unsubscribed':
      return { kind, session: readSession(reader), requested: reader.text() };
    case 'enqueued':
    case 'enqueuedLazily': {
      const session = readSession(reader);
      return readDelivery(reader, kind, session, message());
    }
    case 'wentOn':
      return { kind, session: readSession(reader), position: reader.varint(), packetId: reader.u16(), received: reader.u8() === 1 };
    case 'finished':
      return { kind, session: readSession(reader), position: reader.varint() };
    case 'inboundReceived':
    case 'inboundReleased':
      return { kind, session: readSession(reader), packetId: reader.u16() };
    case 'retained':
      return { kind, message: message() };
    case 'groupEnqueued':
      return { kind, message: message(), position: reader.varint(), sharedSubscription: reader.text() };
    case 'groupFinished':
      return { kind, position: reader.varint(), sharedSubscription: reader.text() };
    case 'groupEnded':
      return { kind, sharedSubscription: reader.text() };
  }
}

const SessionFlag = { userName: 1, will: 2, connected: 4 } as const;

function writeSessionState(writer: ByteWriter, entry: SessionEntry): void {
  const { userName, will, sessionExpiryInterval, expiresAt } = entry;
  const flags =
    (userName === undefined ? 0 : SessionFlag.userName) |
    (will === undefined ? 0 : SessionFlag.will) |
    (entry.connected ? SessionFlag.connected : 0);
  writer.u8(flags).u8(entry.protocolVersion).text(entry.clientId);
  writer.u32(sessionExpiryInterval === Infinity ? neverSeconds : sessionExpiryInterval);
  writer.u48(expiresAt === Infinity ? never : expiresAt);
  if (userName !== undefined) writer.text(userName);
  if (will === undefined) return;
  writer.u48(entry.willDueAt ?? never);
  writer.u32(will.delaySeconds).block(will.message);
}

function readSessionState(reader: ByteReader): SessionEntry {
  const session = readSession(reader);
  const flags = reader.u8();
  const protocolVersion = reader.u8();
  const clientId = reader.text();
  const seconds = reader.u32();
  const expiresAt = reader.u48();
  const userName = (flags & SessionFlag.userName) === 0 ? undefined : reader.text();
  const hasWill = (flags & SessionFlag.will) !== 0;
  const dueAt = hasWill ? reader.u48() : never;
  return {
    kind: 'session',
    session,
    clientId,
    userName,
    protocolVersion,
    connected: (flags & SessionFlag.connected) !== 0,
    sessionExpiryInterval: seconds === neverSeconds ? Infinity : seconds,
    expiresAt: expiresAt === never ? Infinity : expiresAt,
    will: hasWill ? { delaySeconds: reader.u32(), message: reader.block() } : undefined,
    willDueAt: dueAt === never ? undefined : dueAt,
  };
}

const SubscriptionFlag = { noLocal: 1, retainAsPublished: 2, shared: 4 } as const;

function writeSubscription(writer: ByteWriter, subscription: SubscribedEntry['subscription']): void {
  const { noLocal, retainAsPublished, shareName } = subscription;
  const flags =
    (noLocal ? SubscriptionFlag.noLocal : 0) |
    (retainAsPublished ? SubscriptionFlag.retainAsPublished : 0) |
    (shareName === undefined ? 0 : SubscriptionFlag.shared);
  writer.u8(flags).u8(subscription.qos).varint(subscription.subscriptionIdentifier).text(subscription.requested);
  if (shareName !== undefined) writer.text(shareName).text(subscription.topicFilter);
}

function readSubscription(reader: ByteReader): SubscribedEntry['subscription'] {
  const flags = reader.u8();
  const qos = reader.u8() as QoS;
  const subscriptionIdentifier = reader.varint();
  const requested = reader.text();
  const isShared = (flags & SubscriptionFlag.shared) !== 0;
  return {
    requested,
    shareName: isShared ? reader.text() : undefined,
    topicFilter: isShared ? reader.text() : requested,
    qos,
    noLocal: (flags & SubscriptionFlag.noLocal) !== 0,
    retainAsPublished: (flags & SubscriptionFlag.retainAsPublished) !== 0,
    subscriptionIdentifier,
  };
}

const DeliveryFlag = { retain: 4, shared: 8, identifiers: 16 } as const;

/** The first byte: QoS (2 bits), flags. */
function writeDelivery(writer: ByteWriter, delivery: EnqueuedEntry): void {
  const { sharedSubscription, subscriptionIdentifiers } = delivery;
  const flags =
    (delivery.retain ? DeliveryFlag.retain : 0) |
    (sharedSubscription === undefined ? 0 : DeliveryFlag.shared) |
    (subscriptionIdentifiers === undefined ? 0 : DeliveryFlag.identifiers);
  writer.u8(delivery.qos | flags).varint(delivery.position);
  writer.u16(delivery.packetId);
  if (sharedSubscription !== undefined) writer.text(sharedSubscription);
  if (subscriptionIdentifiers !== undefined) writeNumbers(writer, subscriptionIdentifiers);
}

function readDelivery(reader: ByteReader, kind: EnqueuedEntry['kind'], session: SessionReference, message: EncodedMessage): EnqueuedEntry {
  const first = reader.u8();
  return {
    kind,
    session,
    message,
    position: reader.varint(),
    packetId: reader.u16(),
    sharedSubscription: (first & DeliveryFlag.shared) === 0 ? undefined : reader.text(),
    subscriptionIdentifiers: (first & DeliveryFlag.identifiers) === 0 ? undefined : readNumbers(reader),
    qos: (first & 3) as QoS,
    retain: (first & DeliveryFlag.retain) !== 0,
  };
}

function writeSession(writer: ByteWriter, { sid, incarnation }: SessionReference): void {
  writer.raw(sid).u64(incarnation);
}

function readSession(reader: ByteReader): SessionReference {
  return { sid: reader.raw(keyLength), incarnation: reader.u64() };
}

function writeNumbers(writer: ByteWriter, numbers: readonly number[]): void {
  writer.varint(numbers.length);
  for (const number of numbers) writer.varint(number);
}

function readNumbers(reader: ByteReader): number[] {
  const numbers: number[] = [];
  for (let count = reader.varint(); count > 0; count -= 1) numbers.push(reader.varint());
  return numbers;
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
