import { type Migration, type MigrationDialect } from '../sql/migrate.js';

/** Errors of two programs at the same work: deadlock, lock wait timeout, definition changed meanwhile. */
const collisions = new Set([1213, 1205, 1412]);
/** Table, column, index: it exists already. */
const existing = new Set([1050, 1060, 1061]);
const noSuchTable = 1146;
const numberOf = (error: unknown): number => (error as { errno?: number } | undefined)?.errno ?? causeOf(error);
const causeOf = (error: unknown): number => {
  const cause = (error as { cause?: { errno?: number } } | undefined)?.cause;
  return cause?.errno ?? 0;
};

export const mysqlMigrationDialect: MigrationDialect = {
  alreadyThere: (error) => existing.has(numberOf(error)),
  missing: (error) => numberOf(error) === noSuchTable,
  collision: (error) => collisions.has(numberOf(error)),
  createMeta: 'CREATE TABLE IF NOT EXISTS meta (name VARBINARY(100) NOT NULL PRIMARY KEY, value BLOB NOT NULL) ENGINE=InnoDB',
  insertMeta: 'INSERT IGNORE INTO meta (name, value) VALUES (?, ?)',
};

/** Never changed once released; a new version is a new entry. */
export const mysqlMigrations: readonly Migration[] = [
  {
    version: 1,
    minimumReader: 1,
    statements: [
      `CREATE TABLE IF NOT EXISTS seats (
        seat BIGINT NOT NULL PRIMARY KEY, epoch BIGINT NOT NULL, holder BINARY(16) NOT NULL, attempt BINARY(16) NOT NULL, beat BIGINT NOT NULL,
        closed BLOB NOT NULL, floor_epoch BIGINT NOT NULL, floor BIGINT NOT NULL, derived_epoch BIGINT NOT NULL, derived BIGINT NOT NULL
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS wlog (
        seat BIGINT NOT NULL, epoch BIGINT NOT NULL, seq BIGINT NOT NULL, derived BIGINT NOT NULL, messages BIGINT NOT NULL,
        written_at BIGINT NOT NULL, body MEDIUMBLOB NOT NULL, PRIMARY KEY (seat, epoch, seq)
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS sessions (
        sid BINARY(16) NOT NULL PRIMARY KEY, client_id BLOB NOT NULL, incarnation BIGINT NOT NULL, user_name BLOB,
        protocol_version BIGINT NOT NULL, connected BIGINT NOT NULL, expiry_seconds BIGINT, expires_at BIGINT, at BINARY(16) NOT NULL
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS subs (
        sid BINARY(16) NOT NULL, incarnation BIGINT NOT NULL, filter_hash BINARY(16) NOT NULL, requested BLOB NOT NULL, qos BIGINT NOT NULL,
        flags BIGINT NOT NULL, subscription_identifier BIGINT NOT NULL, at BINARY(16) NOT NULL, PRIMARY KEY (sid, incarnation, filter_hash)
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS outq (
        sid BINARY(16) NOT NULL, incarnation BIGINT NOT NULL, pos BIGINT NOT NULL, packet_id BIGINT NOT NULL, received BIGINT NOT NULL,
        qos BIGINT NOT NULL, flags BIGINT NOT NULL, subscription_identifiers BLOB, shared_subscription BLOB, expires_at BIGINT,
        size BIGINT NOT NULL, at BINARY(16) NOT NULL, body MEDIUMBLOB NOT NULL, PRIMARY KEY (sid, incarnation, pos)
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS inq2 (
        sid BINARY(16) NOT NULL, incarnation BIGINT NOT NULL, packet_id BIGINT NOT NULL, at BINARY(16) NOT NULL,
        PRIMARY KEY (sid, incarnation, packet_id)
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS wills (
        sid BINARY(16) NOT NULL PRIMARY KEY, incarnation BIGINT NOT NULL, delay_seconds BIGINT NOT NULL, due_at BIGINT, at BINARY(16) NOT NULL,
        body MEDIUMBLOB NOT NULL
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS retained (
        topic_hash BINARY(16) NOT NULL PRIMARY KEY, topic_name BLOB NOT NULL, expires_at BIGINT, at BINARY(16) NOT NULL, body MEDIUMBLOB NOT NULL
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS shareq (
        group_hash BINARY(16) NOT NULL, pos BIGINT NOT NULL, shared_subscription BLOB NOT NULL, expires_at BIGINT, size BIGINT NOT NULL,
        at BINARY(16) NOT NULL, body MEDIUMBLOB NOT NULL, PRIMARY KEY (group_hash, pos)
      ) ENGINE=InnoDB`,
      `CREATE TABLE IF NOT EXISTS endings (
        sid BINARY(16) NOT NULL, incarnation BIGINT NOT NULL, kind BIGINT NOT NULL, at BINARY(16) NOT NULL, PRIMARY KEY (sid, incarnation)
      ) ENGINE=InnoDB`,
    ],
  },
];
