import { customType, mysqlTable } from 'drizzle-orm/mysql-core';
import { type SqlSchema, sqlSchema } from '../sql/sql-table.js';

/**
 * The tables in the dialect of MySQL and MariaDB, created by mysql-migrations.ts (a test compares both). Texts are bytes there: their collations
 * would find `A` equal to `a`, and their keys are shorter than a topic name may be. drizzle's own `varbinary` reads text, which destroys keys.
 */
const bytes = customType<{ data: Uint8Array; driverData: Uint8Array; config: { type: string }; configRequired: true }>({
  dataType: ({ type }) => type,
  fromDriver: (value) => value,
  toDriver: (value) => value,
});
const text = customType<{ data: string; driverData: Uint8Array }>({
  dataType: () => 'blob',
  fromDriver: (value) => Buffer.from(value.buffer, value.byteOffset, value.length).toString(),
  toDriver: (value) => Buffer.from(value),
});
const integer = customType<{ data: number; driverData: number | string }>({
  dataType: () => 'bigint',
  fromDriver: Number,
  toDriver: (value) => value,
});
const longInteger = customType<{ data: bigint; driverData: number | bigint | string }>({
  dataType: () => 'bigint',
  fromDriver: BigInt,
  toDriver: (value) => value,
});
const key = (name: string) => bytes(name, { type: 'binary(16)' }).notNull();
const sid = key('sid');
const incarnation = longInteger('incarnation').notNull();
const at = key('at');
const body = bytes('body', { type: 'mediumblob' }).notNull();

export const mysqlSchema: SqlSchema = sqlSchema({
  meta: mysqlTable('meta', { name: text('name').notNull(), value: text('value').notNull() }),
  seats: mysqlTable('seats', {
    seat: integer('seat').notNull(),
    epoch: integer('epoch').notNull(),
    holder: key('holder'),
    attempt: key('attempt'),
    beat: integer('beat').notNull(),
    closed: text('closed').notNull(),
    floorEpoch: integer('floor_epoch').notNull(),
    floor: integer('floor').notNull(),
    derivedEpoch: integer('derived_epoch').notNull(),
    derived: integer('derived').notNull(),
  }),
  wlog: mysqlTable('wlog', {
    seat: integer('seat').notNull(),
    epoch: integer('epoch').notNull(),
    seq: integer('seq').notNull(),
    derived: integer('derived').notNull(),
    messages: integer('messages').notNull(),
    writtenAt: integer('written_at').notNull(),
    body,
  }),
  sessions: mysqlTable('sessions', {
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
  subs: mysqlTable('subs', {
    sid,
    incarnation,
    filterHash: key('filter_hash'),
    requested: text('requested').notNull(),
    qos: integer('qos').notNull(),
    flags: integer('flags').notNull(),
    subscriptionIdentifier: integer('subscription_identifier').notNull(),
    at,
  }),
  outq: mysqlTable('outq', {
    sid,
    incarnation,
    pos: integer('pos').notNull(),
    packetId: integer('packet_id').notNull(),
    received: integer('received').notNull(),
    qos: integer('qos').notNull(),
    flags: integer('flags').notNull(),
    subscriptionIdentifiers: bytes('subscription_identifiers', { type: 'blob' }),
    sharedSubscription: text('shared_subscription'),
    expiresAt: integer('expires_at'),
    size: integer('size').notNull(),
    at,
    body,
  }),
  inq2: mysqlTable('inq2', { sid, incarnation, packetId: integer('packet_id').notNull(), at }),
  wills: mysqlTable('wills', { sid, incarnation, delaySeconds: integer('delay_seconds').notNull(), dueAt: integer('due_at'), at, body }),
  retained: mysqlTable('retained', {
    topicHash: key('topic_hash'),
    topicName: text('topic_name').notNull(),
    expiresAt: integer('expires_at'),
    at,
    body,
  }),
  shareq: mysqlTable('shareq', {
    groupHash: key('group_hash'),
    pos: integer('pos').notNull(),
    sharedSubscription: text('shared_subscription').notNull(),
    expiresAt: integer('expires_at'),
    size: integer('size').notNull(),
    at,
    body,
  }),
  endings: mysqlTable('endings', { sid, incarnation, kind: integer('kind').notNull(), at }),
});
