import { type Migration, type MigrationDialect } from '../sql/migrate.js';

/** One program at a time opens a SQLite store, and its statements say IF NOT EXISTS themselves where SQLite has words for that. */
export const sqliteMigrationDialect: MigrationDialect = {
  // A start that ended halfway has added some columns.
  alreadyThere: (error) => error instanceof Error && error.message.includes('duplicate column name'),
  missing: (error) => error instanceof Error && error.message.includes('no such table'),
  collision: () => false,
  createMeta: 'CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  insertMeta: 'INSERT OR IGNORE INTO meta (name, value) VALUES (?, ?)',
};

/** Never changed once released; a new version is a new entry. Bodies stand last, so that reading the columns before them stays on the page. */
export const sqliteMigrations: readonly Migration[] = [
  {
    version: 1,
    minimumReader: 1,
    statements: [
      `CREATE TABLE IF NOT EXISTS seats (
        seat INTEGER NOT NULL PRIMARY KEY, epoch INTEGER NOT NULL, holder BLOB NOT NULL, attempt BLOB NOT NULL, beat INTEGER NOT NULL,
        closed TEXT NOT NULL, floor_epoch INTEGER NOT NULL, floor INTEGER NOT NULL, derived_epoch INTEGER NOT NULL, derived INTEGER NOT NULL
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS wlog (
        seat INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, derived INTEGER NOT NULL, messages INTEGER NOT NULL,
        written_at INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (seat, epoch, seq)
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS sessions (
        sid BLOB NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, incarnation INTEGER NOT NULL, user_name TEXT, protocol_version INTEGER NOT NULL,
        connected INTEGER NOT NULL, expiry_seconds INTEGER, expires_at INTEGER, at BLOB NOT NULL
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS subs (
        sid BLOB NOT NULL, incarnation INTEGER NOT NULL, filter_hash BLOB NOT NULL, requested TEXT NOT NULL, qos INTEGER NOT NULL,
        flags INTEGER NOT NULL, subscription_identifier INTEGER NOT NULL, at BLOB NOT NULL, PRIMARY KEY (sid, incarnation, filter_hash)
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS outq (
        sid BLOB NOT NULL, incarnation INTEGER NOT NULL, pos INTEGER NOT NULL, packet_id INTEGER NOT NULL, received INTEGER NOT NULL,
        qos INTEGER NOT NULL, flags INTEGER NOT NULL, subscription_identifiers BLOB, shared_subscription TEXT, expires_at INTEGER,
        size INTEGER NOT NULL, at BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (sid, incarnation, pos)
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS inq2 (
        sid BLOB NOT NULL, incarnation INTEGER NOT NULL, packet_id INTEGER NOT NULL, at BLOB NOT NULL, PRIMARY KEY (sid, incarnation, packet_id)
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS wills (
        sid BLOB NOT NULL PRIMARY KEY, incarnation INTEGER NOT NULL, delay_seconds INTEGER NOT NULL, due_at INTEGER, at BLOB NOT NULL,
        body BLOB NOT NULL
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS retained (
        topic_hash BLOB NOT NULL PRIMARY KEY, topic_name TEXT NOT NULL, expires_at INTEGER, at BLOB NOT NULL, body BLOB NOT NULL
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS shareq (
        group_hash BLOB NOT NULL, pos INTEGER NOT NULL, shared_subscription TEXT NOT NULL, expires_at INTEGER, size INTEGER NOT NULL,
        at BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (group_hash, pos)
      ) WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS endings (
        sid BLOB NOT NULL, incarnation INTEGER NOT NULL, kind INTEGER NOT NULL, at BLOB NOT NULL, PRIMARY KEY (sid, incarnation)
      ) WITHOUT ROWID`,
    ],
  },
];
