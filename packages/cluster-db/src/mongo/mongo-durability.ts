import { type Db, type Document } from 'mongodb';
import { type StoreDurability } from '../log-store.js';

/** What the driver asks with every write, and what the server tells of itself; undefined: it does not say. */
export interface MongoFacts {
  readonly writeConcern: { readonly w?: unknown; readonly journal?: boolean | undefined; readonly j?: boolean | undefined } | undefined;
  readonly hello: Document;
  readonly serverStatus: Document | undefined;
  readonly getCmdLineOpts: Document | undefined;
}

/** Asks the server. Commands that it does not have, or that this user may not use, tell nothing. */
export async function mongoFacts(database: Db): Promise<MongoFacts> {
  const admin = database.client.db('admin');
  const told = (command: Document) => admin.command(command).catch(() => undefined);
  const [hello, serverStatus, getCmdLineOpts] = await Promise.all([
    database.command({ hello: 1 }),
    told({ serverStatus: 1 }),
    told({ getCmdLineOpts: 1 }),
  ]);
  return { writeConcern: database.writeConcern, hello, serverStatus, getCmdLineOpts };
}

/** Judges a server by what it tells. */
export function mongoDurability({ writeConcern, hello, serverStatus, getCmdLineOpts }: MongoFacts): StoreDurability {
  const remarks: string[] = [];
  const isPersistent = (serverStatus?.['storageEngine'] as Document | undefined)?.['persistent'];
  if (isPersistent === false) {
    remarks.push("the server's storage engine keeps everything in memory: it is lost when the server ends");
    return { level: 'memory', remarks };
  }
  // A router has no storage engine of its own, and its shards are replica sets.
  const isRouter = hello['msg'] === 'isdbgrid';
  const asksForJournal = writeConcern?.journal ?? writeConcern?.j ?? false;
  if (!asksForJournal) remarks.push('writes do not wait for the journal: a power cut takes the last ones back');
  else if (journalOf(getCmdLineOpts) === false) remarks.push('the server keeps no journal: a power cut takes the last writes back');
  else if (isPersistent === undefined && !isRouter)
    remarks.push(
      'the server does not say whether its storage engine is persistent (the command serverStatus is missing or not allowed): what a power cut takes back is unknown',
    );
  const level = remarks.length === 0 ? 'synced' : 'flushed';
  if (isRouter) return { level, remarks };
  if (hello['setName'] === undefined) remarks.push('the server is no replica set: if its disk is lost, everything is');
  else if (writeConcern?.w !== 'majority')
    remarks.push('writes do not wait for the majority of the replica set: a new primary may lack the last ones');
  else if (((hello['hosts'] as unknown[] | undefined)?.length ?? 0) < 2)
    remarks.push('the replica set has one member: if its disk is lost, everything is');
  return { level, remarks };
}

/** Servers up to 6.0 can be told to have none. */
function journalOf(getCmdLineOpts: Document | undefined): unknown {
  const parsed = getCmdLineOpts?.['parsed'] as Document | undefined;
  const storage = parsed?.['storage'] as Document | undefined;
  return (storage?.['journal'] as Document | undefined)?.['enabled'];
}
