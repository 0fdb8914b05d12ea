import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { connectTcp, eventually, fixture, onCleanup, optionsOf, readBytes, type Served, serve, untilClosed } from './support.js';

async function handshake(served: Served, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: served.port, ca: await readFile(fixture('ca.pem')), ...options });
  socket.on('error', () => undefined);
  onCleanup(() => void socket.destroy());
  await new Promise<void>((resolve) => socket.once('secureConnect', resolve).once('close', () => resolve()));
  return socket;
}

const commonNameOf = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject?.CN;

test('the certificate follows the server name', async () => {
  const named = { certificateFile: fixture('named.pem'), keyFile: fixture('named-key.pem') };
  const wildcard = { certificateFile: fixture('wildcard.pem'), keyFile: fixture('wildcard-key.pem') };
  const serverNames = [
    { ...named, serverName: 'named.example' },
    { ...wildcard, serverName: '*.wild.example' },
  ];
  const served = await serve(optionsOf('tls', { tls: { serverNames } }));
  const seen = async (servername: string | undefined): Promise<unknown> =>
    commonNameOf(await handshake(served, { servername, rejectUnauthorized: false }));
  expect(await seen('named.example')).toBe('named.example');
  expect(await seen('NAMED.example')).toBe('named.example');
  expect(await seen('a.wild.example')).toBe('*.wild.example');
  expect(await seen('a.b.wild.example')).toBe('localhost');
  expect(await seen('other.example')).toBe('localhost');
  expect(await seen(undefined)).toBe('localhost');
});

describe('client certificates', () => {
  const client = async (name: string): Promise<ConnectionOptions> => ({
    cert: await readFile(fixture(`${name}.pem`)),
    key: await readFile(fixture(`${name}-key.pem`)),
  });
  const certificateAuthorityFile = fixture('ca.pem');

  test('require: the verified one is handed over, with its common name', async () => {
    const served = await serve(optionsOf('tls', { tls: { clientCertificate: 'require', certificateAuthorityFile } }));
    await handshake(served, await client('client'));
    const { certificate } = (await served.recorder()).stream;
    expect(certificate?.commonName).toBe('sensor-7');
    expect(certificate?.subject).toBe('O=si-mqtt, CN=sensor-7');
    expect(certificate?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('require, %s: none, and one of a stranger, are refused and counted', async (version) => {
    const served = await serve(optionsOf('tls', { tls: { clientCertificate: 'require', certificateAuthorityFile } }));
    const options = { minVersion: version, maxVersion: version };
    await untilClosed(await handshake(served, options));
    await untilClosed(await handshake(served, { ...options, ...(await client('stranger')) }));
    await eventually(() => served.listener.counters.tlsHandshakeErrors === 2);
    expect(served.refusals).toEqual([
      'the TLS handshake failed: peer did not return a certificate',
      expect.stringMatching(/^the TLS handshake failed: the client certificate is refused, [A-Z_]+$/),
    ]);
    expect(served.recorders.length).toBe(0);
    expect(served.admission.counters.connections).toBe(0);
  });

  test('request: none is accepted as nobody, a stranger is refused', async () => {
    const served = await serve(optionsOf('tls', { tls: { clientCertificate: 'request', certificateAuthorityFile } }));
    await handshake(served);
    expect((await served.recorder()).stream.certificate).toBeUndefined();
    await untilClosed(await handshake(served, await client('stranger')));
    expect(served.recorders.length).toBe(1);
    await handshake(served, await client('client'));
    expect((await served.recorder(1)).stream.certificate?.commonName).toBe('sensor-7');
  });

  test('a resumed session still has its certificate', async () => {
    const served = await serve(optionsOf('tls', { tls: { clientCertificate: 'require', certificateAuthorityFile } }), { echo: true });
    const options = { ...(await client('client')), maxVersion: 'TLSv1.2' as const };
    const first = await handshake(served, options);
    const session = first.getSession();
    const second = await handshake(served, { ...options, session });
    expect(second.isSessionReused()).toBe(true);
    expect((await served.recorder(1)).stream.certificate?.commonName).toBe('sensor-7');
  });

  test('none: a certificate that nobody asked for is not looked at', async () => {
    const served = await serve(optionsOf('tls'));
    await handshake(served, await client('stranger'));
    expect((await served.recorder()).stream.certificate).toBeUndefined();
  });
});

test('TLS 1.1 and plain text are refused and counted, not thrown', async () => {
  const served = await serve(optionsOf('tls'));
  await untilClosed(await handshake(served, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  const plain = await connectTcp(served.port);
  plain.write(Buffer.from('101000044d5154540502003c0000', 'hex'));
  await untilClosed(plain);
  await eventually(() => served.admission.counters.connections === 0);
  expect(served.listener.counters.tlsHandshakeErrors).toBe(2);
  expect(served.listener.counters.accepted).toBe(0);
});

test.each(['tls', 'secure-websocket'] as const)('%s: reload gives new connections the new certificate and drops none', async (type) => {
  const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-'));
  onCleanup(() => rm(folder, { recursive: true }));
  const certificateFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const install = async (name: string): Promise<void> => {
    await copyFile(fixture(`${name}.pem`), certificateFile);
    await copyFile(fixture(`${name}-key.pem`), keyFile);
  };
  await install('server');
  const serverNames = [{ serverName: 'named.example', certificateFile, keyFile }];
  const served = await serve(optionsOf(type, { tls: { certificateFile, keyFile, serverNames } }), { echo: true });
  const options = { rejectUnauthorized: false };
  const before = await handshake(served, options);
  expect(commonNameOf(before)).toBe('localhost');

  await writeFile(certificateFile, 'not a certificate');
  await expect(served.listener.certificates?.prepare()).rejects.toThrow('cannot use the certificate');
  expect(commonNameOf(await handshake(served, options))).toBe('localhost');

  await install('renewed');
  (await served.listener.certificates?.prepare())?.();
  expect(commonNameOf(await handshake(served, options))).toBe('renewed');
  expect(commonNameOf(await handshake(served, { ...options, servername: 'named.example' }))).toBe('renewed');
  if (type === 'tls') {
    before.write('still here');
    expect((await readBytes(before, 10)).toString()).toBe('still here');
  }
  expect(before.destroyed).toBe(false);
});
