import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileError } from '../../src/access/file-error.js';
import { PolledFile } from '../../src/access/polled-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polled-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A clock that the test moves: each `pass` ends the sleep under way and waits until the file sleeps again. */
class SteppedClock {
  readonly slept: number[] = [];
  #wake: () => void = () => undefined;
  #onSleep: () => void = () => undefined;
  #sleeping = new Promise<void>((resolve) => {
    this.#onSleep = resolve;
  });

  sleep(milliseconds: number, cancelled?: Promise<void>): Promise<void> {
    this.slept.push(milliseconds);
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#onSleep();
    return cancelled === undefined ? woken : Promise.race([woken, cancelled]);
  }

  async pass(): Promise<void> {
    await this.#sleeping;
    this.#sleeping = new Promise((resolve) => {
      this.#onSleep = resolve;
    });
    this.#wake();
    await this.#sleeping;
  }
}

function parse(text: string, path: string): string {
  if (text.includes('broken')) throw new FileError(path, 1, 'is broken');
  return text.trim();
}

test('a swap of the folder link above the file is seen, as Kubernetes does it', async () => {
  for (const [name, text] of [
    ['first', 'one'],
    ['second', 'two'],
  ]) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'users'), text);
  }
  await symlink('first', join(folder, 'data'));
  await symlink('data/users', join(folder, 'users'));
  const env = new SteppedClock();
  let reloads = 0;
  const file = await PolledFile.open({ path: join(folder, 'users'), env, onReload: () => reloads++ }, parse);
  expect([file.content, file.version]).toEqual(['one', 1]);

  await env.pass();
  expect([reloads, file.version]).toEqual([0, 1]);

  await symlink('second', join(folder, 'new'));
  await rename(join(folder, 'new'), join(folder, 'data'));
  await env.pass();
  expect([file.content, file.version, reloads]).toEqual(['two', 2, 1]);
  expect(new Set(env.slept)).toEqual(new Set([5000]));
  file.close();
});

test('a broken or missing file keeps the content, is told once, and is taken up when it is right again', async () => {
  const path = join(folder, 'file');
  await writeFile(path, 'one');
  const env = new SteppedClock();
  const errors: string[] = [];
  const file = await PolledFile.open({ path, env, pollMilliseconds: 10, onError: (error) => errors.push(error.message) }, parse);

  await writeFile(path, 'broken');
  await env.pass();
  await env.pass();
  expect([file.content, errors]).toEqual(['one', [`${path}:1: is broken`]]);

  await rm(path);
  await env.pass();
  await env.pass();
  expect(errors.slice(1)).toEqual([`${path}: does not exist; create it or correct the path`]);
  await expect(file.prepare()).rejects.toBeInstanceOf(FileError);
  await env.pass();
  expect(errors).toHaveLength(2);

  await writeFile(path, 'three');
  await env.pass();
  expect([file.content, file.version, errors.length]).toEqual(['three', 2, 2]);
  file.close();
});

test('a fault that prepare told is not told again by the poll', async () => {
  const path = join(folder, 'file');
  await writeFile(path, 'one');
  const env = new SteppedClock();
  const errors: string[] = [];
  const file = await PolledFile.open({ path, env, onError: (error) => errors.push(error.message) }, parse);
  await rm(path);
  await expect(file.prepare()).rejects.toBeInstanceOf(FileError);
  await env.pass();
  await writeFile(path, 'broken');
  await expect(file.prepare()).rejects.toBeInstanceOf(FileError);
  await env.pass();
  expect(errors).toEqual([]);
  file.close();
});

test('another file takes its place when it is used, and is polled from then on', async () => {
  const [path, other] = [join(folder, 'file'), join(folder, 'other')];
  await writeFile(path, 'one');
  await writeFile(other, 'two');
  const env = new SteppedClock();
  const file = await PolledFile.open({ path, env }, parse);
  await expect(file.prepare(join(folder, 'missing'))).rejects.toThrow('does not exist');
  const use = await file.prepare(other);
  expect([file.content, file.version]).toEqual(['one', 1]);
  use();
  expect([file.content, file.version]).toEqual(['two', 2]);
  await writeFile(path, 'three');
  await env.pass();
  expect(file.content).toBe('two');
  await writeFile(other, 'four');
  await env.pass();
  expect([file.content, file.version]).toEqual(['four', 3]);
  file.close();
});

test('close ends the polling', async () => {
  const path = join(folder, 'file');
  await writeFile(path, 'one');
  const env = new SteppedClock();
  const file = await PolledFile.open({ path, env }, parse);
  await env.pass();
  const { length } = env.slept;
  file.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(env.slept).toHaveLength(length);
});

test('opening what is missing, a folder, or not UTF-8 is refused in one line', async () => {
  const path = join(folder, 'file');
  await expect(PolledFile.open({ path }, parse)).rejects.toThrow(`${path}: does not exist`);
  await expect(PolledFile.open({ path: folder }, parse)).rejects.toThrow(`${folder}: cannot be read (EISDIR)`);
  await writeFile(path, Uint8Array.of(0x61, 0xff));
  await expect(PolledFile.open({ path }, parse)).rejects.toThrow(new FileError(path, undefined, 'is not UTF-8 text'));
});
