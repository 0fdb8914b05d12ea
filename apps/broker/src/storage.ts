import { readFileSync } from 'node:fs';
import {
  type LogStore,
  type MongoOptions,
  type MysqlOptions,
  openMongoLogStore,
  openMysqlLogStore,
  openSqliteLogStore,
  type ServerTls,
  StoreJournal,
  StoreUnusable,
} from '@si-mqtt/cluster-db';
import { NodeEnv } from '@si-mqtt/server';
import { type Journal } from '@si-mqtt/session';
import { type Logger } from 'pino';
import { type StorageConfiguration } from './configuration.js';

const levels = ['memory', 'flushed', 'synced'] as const;

/** It can be used, but a commit survives less than is required. */
class PromiseTooWeak extends StoreUnusable {
  readonly key = 'require';
}

/** Opens what outlives the process; undefined: nothing does. Rejects with a `StoreUnusable`, one line for the operator. */
export async function openJournal(storage: StorageConfiguration, logger: Logger): Promise<Journal | undefined> {
  if (storage.driver === 'memory') return undefined;
  const store = await openStore(storage);
  let maximumMessageBytes: number;
  try {
    await checkPromise(store, storage.require, logger);
    maximumMessageBytes = await store.maximumMessageBytes();
  } catch (error) {
    await store.close();
    throw error;
  }
  const { driver, lazy, pendingBytesMax, refuseAfterSeconds } = storage;
  // The file is locked: nobody else can be in it.
  const watch = driver === 'sqlite' ? { watchMilliseconds: 0 } : {};
  return new StoreJournal(store, new NodeEnv(), { lazy, pendingBytesMax, refuseAfterSeconds, maximumMessageBytes, ...watch });
}

async function openStore(storage: StorageConfiguration): Promise<LogStore> {
  const { driver, path, durability, maxBytes, reserveBytes } = storage;
  if (driver !== 'mysql' && driver !== 'mongodb') return openSqliteLogStore({ path, durability, maxBytes, reserveBytes });
  return asked(() => (driver === 'mysql' ? openMysqlLogStore(serverOptions(storage)) : openMongoLogStore(serverOptions(storage))));
}

/** What a server says, or why it cannot be asked, in one line. */
export async function asked<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof StoreUnusable) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnusable(`the database cannot be used (${reason}): start it, or correct its URL`, { cause: error, mayPass: true });
  }
}

/** The same for each kind of server. */
export function serverOptions(storage: StorageConfiguration): MysqlOptions & MongoOptions {
  const { writeUrls, pool, tls, certificateAuthorityFile, certificateFile, keyFile, keyPassphrase } = storage;
  const [url, ...otherUrls] = writeUrls;
  const hasTls = tls || certificateAuthorityFile !== undefined || certificateFile !== undefined;
  const files: ServerTls = {
    ...(certificateAuthorityFile === undefined ? {} : { ca: readFileSync(certificateAuthorityFile) }),
    ...(certificateFile === undefined ? {} : { cert: readFileSync(certificateFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
    ...(keyPassphrase === undefined ? {} : { passphrase: keyPassphrase }),
  };
  return { url, otherUrls, connections: pool, ...(hasTls ? { tls: files } : {}) };
}

/** What a commit survives, as the database is set up now. */
async function checkPromise(store: LogStore, required: StorageConfiguration['require'], logger: Logger): Promise<void> {
  const { level, remarks } = await store.durability();
  for (const remark of remarks) logger.warn({ store: level }, remark);
  if (required === 'anything' || levels.indexOf(level) >= levels.indexOf(required)) return;
  throw new PromiseTooWeak(
    `the store promises less than storage.require = "${required}" (${[level, ...remarks].join('; ')}): change its settings, or what is required`,
  );
}
