import { customType, sqliteTable } from 'drizzle-orm/sqlite-core';
import { type SqlSchema, sqlSchema } from '../sql/sql-table.js';

/** The tables in SQLite's dialect, created by sqlite-migrations.ts (a test compares both). */
const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'blob',
  fromDriver: (value) => value,
  toDriver: (value) => value,
});
const text = customType<{ data: string; driverData: string }>({
  dataType: () => 'text',
  fromDriver: (value) => value,
  toDriver: (value) => value,
});
const integer = customType<{ data: number; driverData: number | bigint }>({
  dataType: () => 'integer',
  fromDriver: Number,
  toDriver: (value) => value,
});
const longInteger = customType<{ data: bigint; driverData: number | bigint }>({
  dataType: () => 'integer',
  fromDriver: BigInt,
  toDriver: (value) => value,
});
const sid = bytes('sid').notNull();
const incarnation = longInteger('incarnation').notNull();
const at = bytes('at').notNull();
const body = bytes('body').notNull();

export const sqliteSchema: SqlSchema = sqlSchema({
  meta: sqliteTable('meta', { name: text('name').notNull(), value: text('value').notNull() }),
  seats: sqliteTable('seats', {
    seat: integer('seat').notNull(),
    epoch: integer('epoch').notNull(),
    holder: bytes('holder').notNull(),
    attempt: bytes('attempt').notNull(),
    beat: integer('beat').notNull(),
    closed: text('closed').notNull(),
    floorEpoch: integer('floor_epoch').notNull(),
    floor: integer('floor').notNull(),
    derivedEpoch: integer('derived_epoch').notNull(),
    derived: integer('derived').notNull(),
  }),
  wlog: sqliteTable('wlog', {
    seat: integer('seat').notNull(),
    epoch: integer('epoch').notNull(),
    seq: integer('seq').notNull(),
    derived: integer('derived').notNull(),
    messages: integer('messages').notNull(),
    writtenAt: integer('written_at').notNull(),
    body,
  }),
  sessions: sqliteTable('sessions', {
    sid,
    clientId: text('client_id').notNull(),
    incarnation,
    userName: text('user_name'),
    protocolVersion: integer('protocol_version').notNull(),
    connected: integer('connected').notNull(),
    expirySeconds: integer('expiry_seconds'),
    expiresAt: integer('expires_at'),
    at,
  }),
  subs: sqliteTable('subs', {
    sid,
    incarnation,
    filterHash: bytes('filter_hash').notNull(),
    requested: text('requested').notNull(),
    qos: integer('qos').notNull(),
    flags: integer('flags').notNull(),
    subscriptionIdentifier: integer('subscription_identifier').notNull(),
    at,
  }),
  outq: sqliteTable('outq', {
    sid,
    incarnation,
    pos: integer('pos').notNull(),
    packetId: integer('packet_id').notNull(),
    received: integer('received').notNull(),
    qos: integer('qos').notNull(),
    flags: integer('flags').notNull(),
    subscriptionIdentifiers: bytes('subscription_identifiers'),
    sharedSubscription: text('shared_subscription'),
    expiresAt: integer('expires_at'),
    size: integer('size').notNull(),
    at,
    body,
  }),
  inq2: sqliteTable('inq2', { sid, incarnation, packetId: integer('packet_id').notNull(), at }),
  wills: sqliteTable('wills', { sid, incarnation, delaySeconds: integer('delay_seconds').notNull(), dueAt: integer('due_at'), at, body }),
  retained: sqliteTable('retained', {
    topicHash: bytes('topic_hash').notNull(),
    topicName: text('topic_name').notNull(),
    expiresAt: integer('expires_at'),
    at,
    body,
  }),
  shareq: sqliteTable('shareq', {
    groupHash: bytes('group_hash').notNull(),
    pos: integer('pos').notNull(),
    sharedSubscription: text('shared_subscription').notNull(),
    expiresAt: integer('expires_at'),
    size: integer('size').notNull(),
    at,
    body,
  }),
  endings: sqliteTable('endings', { sid, incarnation, kind: integer('kind').notNull(), at }),
});
