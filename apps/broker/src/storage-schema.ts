import { z } from 'zod';
import { type StorageConfiguration } from './configuration.js';
import { filePath, limit, MIB, text, unlimited, wholeNumber } from './schema-values.js';

/** One database has one URL, or several. */
export interface WrittenStorage extends Omit<StorageConfiguration, 'writeUrls'> {
  readonly url?: string | undefined;
  readonly writeUrls?: readonly string[] | undefined;
}

export const storageSchema: z.ZodType<WrittenStorage> = z
  .strictObject({
    driver: z
      .enum(['sqlite', 'mysql', 'mongodb', 'memory'])
      .default('sqlite')
      .describe(
        'Where persistent sessions and retained messages are kept: "sqlite" (a file), "mysql" (MySQL or MariaDB), "mongodb", or "memory" (lost when the broker stops).',
      ),
    url: text()
      .optional()
      .describe(
        'Database of "mysql" (mysql://user:password@host:port/database) or "mongodb" (mongodb://host/database), which exists and belongs to this broker alone.',
      ),
    writeUrls: z
      .array(text())
      .min(1)
      .optional()
      .describe(
        'Instead of url, several addresses of one "mysql" database, each of which has every commit (as in Galera or Group Replication; a replica that lags does not). The next one is tried when the one in use cannot be reached or only reads. For "mongodb" one URL has all members of the replica set.',
      ),
    readUrls: z
      .array(text())
      .default([])
      .describe(
        'Replicas of the database that "si-mqtt sessions" and "si-mqtt queue" may ask, the first that answers. The broker itself reads only where it writes. When not set: as for writing.',
      ),
    pool: wholeNumber(2, 1000)
      .default(4)
      .describe('Connections to the server of the database, opened as they are needed: one writes, the others read.'),
    tls: z
      .boolean()
      .default(false)
      .describe(
        'Whether the connection to the server of the database uses TLS; the server proves the host name of the URL. With one of the following files it does in any case.',
      ),
    certificateAuthorityFile: filePath()
      .optional()
      .describe(
        'PEM file: the authorities that the server of the database must have its certificate from. When not set: those that Node.js trusts.',
      ),
    certificateFile: filePath()
      .optional()
      .describe('PEM file: the certificate, then its chain, that the broker shows to the server of the database.'),
    keyFile: filePath().optional().describe('PEM file: the private key of that certificate.'),
    keyPassphrase: text().optional().describe('Passphrase of that private key; better as { env = "NAME" } or { file = "path" }.'),
    require: z
      .enum(['synced', 'flushed', 'anything'])
      .default('flushed')
      .describe(
        'What a commit has to survive: a power cut ("synced") or the end of the process ("flushed"). With a store that promises less the broker does not start.',
      ),
    path: filePath()
      .default('data/si-mqtt.db')
      .describe(
        'Database file of "sqlite", made if it is not there; nobody else may read it. A relative path starts at the working folder, wherever the configuration file is. Files beside it with its name and -wal, -shm, .lock or .reserve belong to it.',
      ),
    durability: z
      .enum(['synced', 'flushed'])
      .default('synced')
      .describe(
        'What is acknowledged survives: "synced" a power cut (each commit waits for the disk), "flushed" the end of the process, kill -9 included.',
      ),
    lazy: z
      .boolean()
      .default(true)
      .describe(
        'Whether QoS 1 that its subscriber acknowledges at once is spared a row of its own: more messages per second, and after a crash of the broker some that were acknowledged come again.',
      ),
    maxBytes: unlimited().prefault('unlimited').describe('Size of the database file above which new messages are refused.'),
    reserveBytes: limit()
      .default(64 * MIB)
      .describe('Bytes kept free on the disk, so that acknowledgements are still stored when it is full.'),
    pendingBytesMax: limit()
      .default(64 * MIB)
      .describe('Bytes that may wait for the store before the clients that publish are not read any more.'),
    refuseAfterSeconds: limit(3600)
      .default(30)
      .describe('Without an answer of the store for so long, what would have to be stored is refused instead of waiting.'),
  })
  .prefault({})
  .describe('Storage.');
