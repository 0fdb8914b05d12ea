import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteLogStore } from '@si-mqtt/cluster-db';
import { createServer } from '@si-mqtt/server';
import { type Logger } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Configuration } from '../src/configuration.js';
import { type RunningServer } from '../src/library.js';
import { openJournal } from '../src/storage.js';
import { CommandRun, RecordingLibrary } from './host.js';
import { folderWith } from './load.js';

/** The store and the server as `main.ts` puts them together. */
class StoringLibrary extends RecordingLibrary {
  override async createServer(configuration: Configuration, logger?: Logger): Promise<RunningServer> {
    const journal = await openJournal(configuration.storage, logger!);
    return createServer(configuration, { logger, ...(journal === undefined ? {} : { journal }) });
  }
}

const listener = '[admin]\nenabled = false\n[[listeners]]\nname = "a"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = 0\n';

/** What a start that fails says on standard error. */
async function refusal(folder: string, { argv = ['-c', 'c.toml'], exitCode = 2 } = {}): Promise<string> {
  const command = new CommandRun(argv, folder, { library: new StoringLibrary() });
  expect(await command.exitCode).toBe(exitCode);
  expect(command.stderr.split('\n'), 'one line').toHaveLength(2);
  return command.stderr;
}

describe('a store that cannot be opened is one line with the place of its key: exit 2, or 1 for what may pass', () => {
  const configured = (storage: string, files: Readonly<Record<string, string>> = {}) =>
    folderWith({ 'c.toml': `${listener}[storage]\n${storage}\n`, ...files });

  it('a part of its path is a file', async () => {
    const folder = configured('path = "file/store.db"', { file: '' });
    expect(await refusal(folder)).toBe(
      `c.toml:9:1: cannot use ${folder}/file/store.db for the database, a part of the path is a file and not a folder: correct storage.path\n`,
    );
  });

  it('and the built-in defaults named it', async () => {
    expect(await refusal(folderWith({ data: '' }), { argv: [] })).toMatch(
      /^built-in defaults: cannot use .*data\/si-mqtt\.db for the database, /,
    );
  });

  it('damaged', async () => {
    const folder = configured('path = "store.db"');
    const path = join(folder, 'store.db');
    await (await openSqliteLogStore({ path, reserveBytes: 4096 })).close();
    writeFileSync(path, readFileSync(path).fill(0x5a, 4096 * 3, 4096 * 5));
    expect(await refusal(folder)).toMatch(/^c\.toml:9:1: \/.*\/store\.db is damaged \(.+\): restore it from a backup, or move it away /);
  });

  it('locked by another broker', async () => {
    const folder = configured('path = "store.db"');
    const store = await openSqliteLogStore({ path: join(folder, 'store.db'), reserveBytes: 4096 });
    onTestFinished(() => store.close());
    expect(await refusal(folder, { exitCode: 1 })).toMatch(/^c\.toml:9:1: \/.*\/store\.db is in use by another broker: stop it first, /);
  });

  it('promising less than is required', async () => {
    const folder = configured('path = "store.db"\nreserveBytes = 4096\ndurability = "flushed"\nrequire = "synced"');
    expect(await refusal(folder)).toMatch(/^c\.toml:12:1: the store promises less than storage\.require = "synced" \(flushed\): /);
  });

  it('a server that does not answer', async () => {
    const folder = configured('driver = "mysql"\nurl = "mysql://u:secret@127.0.0.1:1/d"');
    const line = await refusal(folder, { exitCode: 1 });
    expect(line).toMatch(/^c\.toml:10:1: the database cannot be used \(.*ECONNREFUSED.*\): start it, or correct its URL\n$/);
    expect(line).not.toContain('secret');
  });
});
