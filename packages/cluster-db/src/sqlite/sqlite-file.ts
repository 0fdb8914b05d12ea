import { constants, existsSync } from 'node:fs';
import { access, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreRefusal, StoreUnusable } from '../log-store.js';

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
    await makeFolder(dirname(path));
    await makeFile(path);
    return true;
  }
  return isEmpty(path, constants.R_OK | constants.W_OK);
}

/** Whether a file that is there has nothing in it yet. Rejects if it is not ours or damaged, or without these permissions. */
export async function isEmpty(path: string, permissions: number): Promise<boolean> {
  const { size, isDirectory } = await stat(path).then((found) => ({ size: found.size, isDirectory: found.isDirectory() }));
  if (isDirectory) throw new StoreUnusable(`${path} is a folder: write the path of a file as storage.path`);
  await access(path, permissions);
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

/** Of a read-only file system Node's own `recursive` would say that the folder does not exist. */
async function makeFolder(path: string): Promise<void> {
  if (existsSync(path)) return;
  await makeFolder(dirname(path));
  await mkdir(path, 0o700).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

/**
 * Makes an empty file that only its owner may read or lock. One that is there is not opened: closing it again would take away the lock that this
 * process may have on it.
 */
export async function makeFile(path: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.close();
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await access(path, constants.R_OK | constants.W_OK);
  }
}

export function damaged(path: string, what: string): StoreUnusable {
  return new StoreUnusable(`${path} is damaged (${what}): restore it from a backup, or move it away to begin anew; it was not changed`);
}

/** What the system or SQLite says while a store is opened, as one line: what, where, and what to do. */
export function unusable(path: string, reported: unknown): StoreUnusable {
  if (reported instanceof StoreUnusable) return reported;
  const error = reported instanceof StoreRefusal && reported.cause !== undefined ? reported.cause : reported;
  const { path: named } = error as { path?: unknown };
  const where = typeof named === 'string' ? named : path;
  const trouble = troubleOf(error);
  const [what, remedy] = trouble;
  return new StoreUnusable(`cannot use ${where} for the database, ${what}: ${remedy}`, {
    cause: error,
    mayPass: passing.includes(trouble),
  });
}

/** What is wrong, and what to do about it. */
export function troubleOf(error: unknown): Trouble {
  const code = codeOf(error) ?? '';
  // SQLite has longer codes for details: SQLITE_READONLY_DIRECTORY.
  return (
    troubles[code] ??
    troubles[code.split('_', 2).join('_')] ?? [
      error instanceof Error ? error.message : String(error),
      'mend what the system reports, or correct storage.path',
    ]
  );
}

/** There is no space for what was to be written. */
export function isFull(error: unknown): boolean {
  return (error instanceof StoreRefusal && error.reason === 'full') || ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

type Trouble = readonly [what: string, remedy: string];
const noPermission: Trouble = [
  'permission is missing',
  'let the user of the broker read and write it and its folder, or correct storage.path',
];
const readOnly: Trouble = ['it cannot be written', 'make the file system and the file writable, or correct storage.path'];
const noFolder: Trouble = ['a part of the path is a file and not a folder', 'correct storage.path'];
const noSpace: Trouble = ['there is no space left', 'make room on the disk, or correct storage.path'];
const locked: Trouble = ['another program has locked it', 'end that program, or start again later'];
/** What may be over when somebody tries again. */
const passing: readonly Trouble[] = [noSpace, locked];

const troubles: Readonly<Record<string, Trouble>> = {
  EACCES: noPermission,
  EPERM: noPermission,
  EROFS: readOnly,
  ENOTDIR: noFolder,
  ENOENT: ['it does not exist, or is a link to nothing', 'create it, or correct storage.path'],
  ENOSPC: noSpace,
  EDQUOT: noSpace,
  SQLITE_READONLY: readOnly,
  SQLITE_CANTOPEN: ['SQLite cannot open it or a file beside it', 'let the user of the broker read and write all files with its name'],
  SQLITE_BUSY: locked,
  SQLITE_FULL: noSpace,
  SQLITE_IOERR: ['the disk is full or broken', 'make room on the disk, or repair it'],
};
