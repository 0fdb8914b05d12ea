import { existsSync, mkdirSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreUnusable } from '../log-store.js';

/** `SiMq` in the header of the file: it is ours. */
export const applicationId = 0x5369_4d71;
const magic = 'SQLite format 3\0';
const headerLength = 100;

/**
 * Looks at the file before SQLite does: what is not ours, or is damaged, is reported and never touched. Creates the folder and an empty file that
 * nobody else may read. Returns true if the database is new.
 */
export async function checkFile(path: string): Promise<boolean> {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'wx', 0o600);
    await file.close();
    return true;
  }
  const { size, isDirectory } = await stat(path).then((found) => ({ size: found.size, isDirectory: found.isDirectory() }));
  if (isDirectory) throw new StoreUnusable(`${path} is a folder; storage.path names a file`);
  if (size === 0) return true;
  const header = Buffer.alloc(headerLength);
  const file = await open(path, 'r');
  try {
    await file.read(header, 0, headerLength, 0);
  } finally {
    await file.close();
  }
  if (size < headerLength || header.toString('latin1', 0, 16) !== magic) {
    throw new StoreUnusable(`${path} is damaged or no SQLite database: restore it from a backup, or move it away to begin anew`);
  }
  const id = header.readUInt32BE(68);
  if (id !== applicationId) {
    throw new StoreUnusable(
      `${path} is a SQLite database, but not one of si-mqtt (application id 0x${id.toString(16)}): give another storage.path`,
    );
  }
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const pages = header.readUInt32BE(28);
  // Pages that are still in the write-ahead log may be missing here.
  const logSize = await stat(`${path}-wal`).then(
    (found) => found.size,
    () => 0,
  );
  if (logSize === 0 && pages * pageSize > size) throw damaged(path, `${pages * pageSize - size} bytes are missing at its end`);
  return false;
}

export function damaged(path: string, what: string): StoreUnusable {
  return new StoreUnusable(`${path} is damaged (${what}): restore it from a backup, or move it away to begin anew; it was not changed`);
}
