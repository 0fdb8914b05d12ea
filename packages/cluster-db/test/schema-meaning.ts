import { type SqlSchema, type SqlTable } from '../src/sql/sql-table.js';

type Row<Table> = Table extends SqlTable<infer Found> ? Found : never;

export interface TableMeaning {
  readonly about: string;
  /** Columns that are not, in MongoDB, fields under the same name in camelCase. */
  readonly mongo?: Readonly<Record<string, string>>;
  readonly columns: Readonly<Record<string, string>>;
}

const sid = 'Of the session: the first 16 bytes of SHA-256 of the client identifier.';
const incarnation = 'Which session of this client identifier: every one that begins anew has another, never used twice.';
const at = 'Position of the log entry that made this state of the row. Only a later one replaces it.';
const expiresAt = 'When its Message Expiry Interval ends; null: never.';
const size = 'Bytes by which queues are limited.';
const message = 'The message: format version, publisher, time of receipt, and an MQTT 5.0 PUBLISH packet.';

/** What the tables are for. A column too few, or one that is not there, does not compile. */
export const schemaMeaning: {
  readonly [Name in keyof SqlSchema]: TableMeaning & { readonly columns: { readonly [Column in keyof Row<SqlSchema[Name]>]: string } };
} = {
  meta: {
    about: 'What the database says of itself: `schemaVersion`, and `minimumReader`, the oldest version whose programs may still use it.',
    mongo: { name: '`_id` string', value: '`value` number' },
    columns: { name: 'The name.', value: 'The value, a number in digits.' },
  },
  seats: {
    about: 'Who writes, and how far the log is carried out. One row, compared and set as a whole by `attempt`.',
    mongo: { seat: '`_id` number', closed: '`closed` array' },
    columns: {
      seat: 'Number of the seat; a single node has 0.',
      epoch: 'Raised at every start; the log begins anew in each.',
      holder: 'Random identifier of the process that took the seat.',
      attempt: 'Random, new with every change: what a change is compared by.',
      beat: 'Grows while the holder lives; 0: it left in order, and nobody need watch for it.',
      closed: 'Epochs that have ended and are not wholly carried out: `[{ epoch, closedAt }]`, as JSON.',
      floorEpoch: 'Epoch of `floor`.',
      floor: 'Records below this sequence number may be missing, because they were collected.',
      derivedEpoch: 'Epoch of `derived`.',
      derived: 'Everything up to this sequence number is in the tables.',
    },
  },
  wlog: {
    about:
      'The log. A record is a packed batch of changes, and the commit: the other tables follow from it. Its position is written once and never again. Records that are in the tables are collected every second.',
    mongo: { seat: 'in `_id`', epoch: 'in `_id`', body: '`body` binData, `isFill` bool' },
    columns: {
      seat: 'Whose log it is.',
      epoch: 'In which of its runs.',
      seq: 'From 1, without holes.',
      derived: 'When this was written, everything up to this sequence number was in the tables.',
      messages: 'Messages in the record.',
      writtenAt: 'When it was written.',
      body: 'The entries, behind their format version. Empty: a fill, which only ends an epoch.',
    },
  },
  sessions: {
    about: 'Sessions that outlive their connection, and those that have a will.',
    columns: {
      sid,
      clientId: 'Client identifier.',
      incarnation,
      userName: 'User name of the client, whose session it is; null: none.',
      protocolVersion: '3 (MQTT 3.1), 4 (3.1.1) or 5 (5.0).',
      connected: '1: a client is connected. After a crash, until the next start, this tells what was.',
      expirySeconds: 'Session Expiry Interval; null: it never expires.',
      expiresAt: 'When the session of an absent client ends; null: while it is connected, or never.',
      at,
    },
  },
  subs: {
    about: 'Subscriptions of sessions that outlive their connection.',
    columns: {
      sid,
      incarnation,
      filterHash: 'The first 16 bytes of SHA-256 of `requested`.',
      requested: 'The topic filter as the client wrote it, `$share/…` included.',
      qos: 'Granted QoS.',
      flags: '1: No Local; 2: Retain As Published; added up.',
      subscriptionIdentifier: 'Subscription Identifier; 0: none.',
      at,
    },
  },
  outq: {
    about:
      'Deliveries of QoS 1 and 2 that wait for a session, or are in flight to its client. A row goes when its delivery is over; with `storage.lazy` one that is over soon never has a row.',
    columns: {
      sid,
      incarnation,
      pos: 'Place in the queue: growing, and never used twice.',
      packetId: 'Packet identifier; 0: never sent.',
      received: '1: PUBREC came, PUBCOMP is awaited.',
      qos: 'QoS of the delivery.',
      flags: '1: it is sent with RETAIN.',
      subscriptionIdentifiers: 'Subscription Identifiers, packed; null: none.',
      sharedSubscription: 'The shared subscription that chose this session; null: none did.',
      expiresAt,
      size,
      body: message,
      at,
    },
  },
  inq2: {
    about: 'Packet identifiers of QoS 2 publications that were taken, and whose PUBREL is awaited.',
    columns: { sid, incarnation, packetId: 'Packet identifier.', at },
  },
  wills: {
    about: 'Will messages: of clients that are connected, and those that wait for their delay.',
    columns: {
      sid,
      incarnation,
      delaySeconds: 'Will Delay Interval.',
      dueAt: 'When the will is published; null: the connection is there.',
      body: message,
      at,
    },
  },
  retained: {
    about: 'Retained messages, one for each topic name.',
    columns: {
      topicHash: 'The first 16 bytes of SHA-256 of the topic name.',
      topicName: 'Topic name.',
      expiresAt,
      body: message,
      at,
    },
  },
  shareq: {
    about: 'Messages that wait for the first member of a shared subscription to come.',
    columns: {
      groupHash: 'The first 16 bytes of SHA-256 of `shared_subscription`.',
      pos: 'Place in the queue.',
      sharedSubscription: 'As clients write it, `$share/…`.',
      expiresAt,
      size,
      body: message,
      at,
    },
  },
  endings: {
    about: 'Sessions and shared subscriptions that have ended, and whose rows have still to be removed, in batches. The row goes last.',
    columns: {
      sid: 'Of the session, or the hash of the shared subscription.',
      incarnation: 'Of the session; of a shared subscription 0.',
      kind: '0: a session; 1: a shared subscription, of which only rows up to `at` go.',
      at,
    },
  },
};
