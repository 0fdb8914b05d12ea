import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sourceOf } from '../src/index.mjs';

interface Container {
  readonly image: string;
  readonly ports: readonly string[];
  readonly command?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[]; readonly retries: number };
  readonly volumes?: readonly string[];
}

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('compose.yaml', () => {
  const { services } = parse(readFileSync(path('compose.yaml'), 'utf8')) as { services: Readonly<Record<string, Container>> };

  it('has MySQL 8.4, MariaDB and MongoDB, for this machine only, and tells when each can be used', () => {
    expect(Object.entries(services).map(([name, { image }]) => [name, image])).toEqual([
      ['mysql', 'mysql:8.4'],
      ['mariadb', 'mariadb:11.4'],
      ['mongodb', 'mongo:8.0'],
    ]);
    for (const [name, { ports, healthcheck, volumes = [] }] of Object.entries(services)) {
      // Docker chooses the port, so that two runs do not meet.
      expect(ports, name).toEqual([expect.stringMatching(/^127\.0\.0\.1::(3306|27017)$/)]);
      expect(healthcheck.test[0], name).toBe('CMD');
      expect(healthcheck.retries, name).toBeGreaterThan(10);
      for (const volume of volumes) expect(existsSync(path(volume.split(':')[0])), volume).toBe(true);
    }
  });

  it('makes MongoDB a replica set of one', () => {
    const { command, healthcheck } = services['mongodb'];
    expect(command?.join(' ')).toContain('--replSet si');
    expect(healthcheck.test.at(-1)).toMatch(/rs\.initiate\(\{ _id: 'si', .*isWritablePrimary \? 0 : 1\)$/);
  });
});

/** A program `docker` that writes down what it is asked, and answers as Docker would. */
function fakeDocker(script: string): { readonly folder: string; readonly asked: () => string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-docker-'));
  folders.push(folder);
  const log = join(folder, 'asked');
  writeFileSync(join(folder, 'docker'), `#!/bin/sh\necho "$*" >> '${log}'\n${script}\n`, { mode: 0o755 });
  return { folder, asked: () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []) };
}

/** `pnpm services -- COMMAND`; rejects unless it ends with 0. */
async function services(folder: string, command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const searched = `${folder}${delimiter}${process.env['PATH']}`;
  const { stdout } = await promisify(execFile)(process.execPath, [path('src/main.mjs'), '--', ...command], {
    env: { ...process.env, PATH: searched, SI_MARIADB_URL: '', SI_MYSQL_URL: '', SI_MONGODB_URL: '', ...env },
  });
  return stdout;
}

describe('pnpm services with Docker', () => {
  const docker = 'case "$*" in *" port "*) echo 127.0.0.1:40001;; esac';

  it('starts what is not given, says where it is, and removes it at the end', async () => {
    const { folder, asked } = fakeDocker(docker);
    const given = 'mysql://u:p@127.0.0.1:1/';
    const said = await services(folder, ['sh', '-c', 'echo "$SI_MARIADB_URL $SI_MYSQL_URL $SI_MONGODB_URL"'], { SI_MARIADB_URL: given });
    expect(said.trim().split('\n').at(-1)).toBe(`${given} mysql://si:si@127.0.0.1:40001/ mongodb://127.0.0.1:40001/?directConnection=true`);
    expect(said).toContain(`SI_MARIADB_URL=${given}   # given`);
    const steps = asked().map((line) => line.replace(/--file \S+ --project-name si-mqtt-(\w+)-\d+ /, '$1: '));
    expect(steps).toEqual([
      'compose version',
      'info',
      'compose mysql: up --detach --wait mysql',
      'compose mysql: port mysql 3306',
      'compose mongodb: up --detach --wait mongodb',
      'compose mongodb: port mongodb 27017',
      expect.stringMatching(/^compose (mysql|mongodb): down --volumes/),
      expect.stringMatching(/^compose (mysql|mongodb): down --volumes/),
    ]);
  });

  it('leaves nothing behind of a server that does not come up, and fails', async () => {
    const { folder, asked } = fakeDocker(`case "$*" in *" up "*) echo no image >&2; exit 1;; esac; ${docker}`);
    await expect(services(folder, ['true'])).rejects.toThrow(/SI_MYSQL_URL is not there: .*no image/);
    expect(asked().filter((line) => line.includes(' down ')).length).toBe(3);
  });

  it('does without it where it cannot be used', async () => {
    const { folder, asked } = fakeDocker('case "$*" in info) exit 1;; esac');
    const urls = { SI_MARIADB_URL: 'a', SI_MYSQL_URL: 'b', SI_MONGODB_URL: 'c' };
    expect(await services(folder, ['true'], urls)).toContain('SI_MYSQL_URL=b   # given');
    expect(asked()).toEqual(['compose version', 'info']);
    expect(sourceOf({ given: undefined, hasDocker: false })).toBe('installed');
    expect(sourceOf({ given: '', hasDocker: true })).toBe('docker');
    expect(sourceOf({ given: 'mysql://h/', hasDocker: true })).toBe('given');
  });
});
