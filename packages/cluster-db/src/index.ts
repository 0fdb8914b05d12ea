export { FormatError } from './bytes.js';
export type { MongoOptions, MysqlOptions, SqliteDurability, SqliteOptions } from './drivers.js';
export {
  backUpSqliteStore,
  migrateMongoStore,
  migrateMysqlStore,
  migrateSqliteStore,
  openMongoLogStore,
  openMysqlLogStore,
  openSqliteLogStore,
  readMongoStore,
  readMysqlStore,
  readSqliteStore,
} from './drivers.js';
export { type CommitLoopSettings } from './journal/commit-loop.js';
export { defaultStoreJournalSettings, StoreJournal, type StoreJournalSettings } from './journal/store-journal.js';
export {
  type GroupTotals,
  type Log,
  type LogRecord,
  type LogStore,
  type QueueTotals,
  type RefusalReason,
  type SessionRows,
  type StoreDurability,
  type StoredRecord,
  type StoreMeasures,
  type StoreReader,
  StoreRefusal,
  type StoreStatistics,
  StoreUnusable,
  type Tables,
} from './log-store.js';
export { atOf, compareBytes, keyBefore, keyOfText, type LogPosition } from './position.js';
export { type EncodedMessage, type Entry, encodedMessage } from './record/entries.js';
export { entriesMax, RecordWriter, readRecord } from './record/record.js';
export { decodeMessage, decodeWill, encodeMessage, encodeWill, type StoredWill } from './record/stored-message.js';
export {
  EndingKind,
  type EndingRow,
  type InboundRow,
  QueueFlag,
  type QueueRow,
  type QueueStateRow,
  type RetainedRow,
  type RowChanges,
  type RowsRemoved,
  type SeatRow,
  type SessionReference,
  type SessionRow,
  type ShareQueueRow,
  SubscriptionFlag,
  type SubscriptionRow,
  type TableName,
  type TableRows,
  type WillRow,
} from './rows.js';
export { type SchemaVersions } from './schema-versions.js';
export { type ServerTls } from './server-tls.js';
