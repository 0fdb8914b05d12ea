import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type Service, startFerretdb, startMariadb } from '@si-mqtt/services';
import { createConnection } from 'mysql2/promise';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openJournal } from '../src/storage.js';
import { load } from './load.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../../packages/server/test/listeners/fixtures/${name}.pem`, import.meta.url));
const logger = pino({ enabled: false });
const files = { ca: fixture('ca'), cert: fixture('server'), key: fixture('server-key') };
const authority = `certificateAuthorityFile = "${files.ca}"`;
const own = `certificateFile = "${fixture('client')}"\nkeyFile = "${fixture('client-key')}"`;

/** Opens the store as the configuration says; rejects as a start does. */
async function open(storage: string): Promise<void> {
  const journal = await openJournal(load(`[storage]\nrequire = "anything"\n${storage}\n`).configuration.storage, logger);
  await journal?.stop();
}

async function stopped(service: Service | undefined, skip: () => never): Promise<Service> {
  if (service === undefined) return skip();
  onTestFinished(() => service.stop());
  return service;
}

describe('TLS to the server of the database, which asks for a certificate', () => {
  it('MariaDB', { timeout: 60_000 }, async (context) => {
    const skip = () => context.skip('no MariaDB: let `pnpm services` install it as root');
    const { url } = await stopped(await startMariadb({ tls: files }), skip);
    const name = `si_tls_${process.pid}`;
    const tls = { ca: readFileSync(files.ca), cert: readFileSync(fixture('client')), key: readFileSync(fixture('client-key')) };
    const connection = await createConnection({ uri: url, ssl: tls });
    await connection.query(`CREATE DATABASE ${name}`);
    await connection.end();
    const driver = `driver = "mysql"\nurl = "${url.replace('127.0.0.1', 'localhost')}${name}"`;
    await open(`${driver}\n${authority}\n${own}`);
    await open(`${driver.replace('localhost', '127.0.0.1')}\n${authority}\n${own}`);
    await expect(open(driver), 'without TLS').rejects.toThrow(/Access denied/);
    await expect(open(`${driver}\n${authority}`), 'without a certificate of its own').rejects.toThrow(/Access denied/);
    await expect(open(`${driver}\ntls = true\n${own}`), 'an authority that nobody knows').rejects.toThrow(/certificate/);
  });

  it('MongoDB', { timeout: 60_000 }, async (context) => {
    const skip = () => context.skip('no MongoDB: let `pnpm services` install FerretDB as root');
    const { url } = await stopped(await startFerretdb(), skip);
    const [ca, cert, key] = [files.ca, files.cert, files.key].map((path) => readFileSync(path));
    const front = createServer({ ca, cert, key, requestCert: true }, (near) => {
      const far = connect(Number(new URL(url).port), '127.0.0.1');
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void front.close());
    const { port } = front.address() as AddressInfo;
    const driver = `driver = "mongodb"\nurl = "mongodb://localhost:${port}/si_tls_${process.pid}"`;
    await open(`${driver}\n${authority}\n${own}`);
    await expect(open(`${driver}\n${authority}`), 'without a certificate of its own').rejects.toThrow(/the database cannot be used/);
    await expect(open(`${driver}\ntls = true\n${own}`), 'an authority that nobody knows').rejects.toThrow(/certificate/);
  });
});
