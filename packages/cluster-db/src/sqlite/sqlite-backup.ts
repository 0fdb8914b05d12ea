import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreUnusable } from '../log-store.js';
import { type SqlDatabase } from '../sql/sql-database.js';
import { troubleOf } from './sqlite-file.js';

/** A file for a backup that cannot be written: no key of the configuration is wrong. */
class TargetUnusable extends StoreUnusable {
  readonly key = undefined;
}

/**
 * Writes the database, as it is now, into a new file that only its owner may read. The file has its name only when it is complete and on the disk:
 * until then an empty one keeps the name.
 */
export async function writeBackup(database: SqlDatabase, target: string): Promise<void> {
  const partial = `${target}.partial`;
  await reserve(target);
  try {
    await reserve(partial);
    await copy(database, partial);
    await rename(partial, target);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
  await flush(dirname(target));
}

async function copy(database: SqlDatabase, target: string): Promise<void> {
  try {
    await database.query(`VACUUM INTO '${target.replaceAll("'", "''")}'`, []);
    await flush(target);
  } catch (error) {
    await rm(target, { force: true });
    if (error instanceof StoreUnusable) throw error;
    throw new TargetUnusable(`cannot write the backup ${target}, ${troubleOf(error)[0]}: mend that, or write it elsewhere`, {
      cause: error,
    });
  }
}

/** Makes the file; one that is there is nobody's to write over. */
async function reserve(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new TargetUnusable(`${path} is there already: write the backup to another file, or remove this one first`, { cause: error });
    }
    throw new TargetUnusable(
      `cannot write the backup ${path}, ${troubleOf(error)[0]}: write it to an existing folder that can be written`,
      {
        cause: error,
      },
    );
  }
}

/** Waits until the file, or the names in the folder, are on the disk. */
async function flush(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
