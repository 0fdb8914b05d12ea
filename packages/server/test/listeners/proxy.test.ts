import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { parseProxyHeader } from '../../src/listeners/proxy-header.js';
import { connectTcp, eventually, onCleanup, optionsOf, readBytes, serve, untilClosed } from './support.js';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const version2 = (versionAndCommand: number, family: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(4);
  head[0] = versionAndCommand;
  head[1] = family;
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([SIGNATURE, head, body]);
};
const tlv = (type: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(3);
  head[0] = type;
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
};
const IPV4 = Buffer.from('c0000201' + 'c6336401' + '3039' + '075b', 'hex');
const IPV6 = Buffer.from('20010db8000000000000000000000001' + '20010db8000000000000000000000002' + '3039' + '075b', 'hex');
const ssl = (flags: number, verify: number, commonName: string): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(verify, 1);
  return tlv(0x20, Buffer.concat([head, tlv(0x21, Buffer.from('TLSv1.3')), tlv(0x22, Buffer.from(commonName))]));
};

const address = (text: string, port: number, commonName?: string) => ({
  address: text,
  port,
  certificate: commonName === undefined ? undefined : { commonName, fingerprint256: '', subject: `CN=${commonName}` },
});

const accepted: [string, Buffer, ReturnType<typeof address> | undefined][] = [
  ['v1 TCP4', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 12345 1883\r\n'), address('192.0.2.1', 12345)],
  ['v1 TCP6', Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 12345 1883\r\n'), address('2001:db8::1', 12345)],
  ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['v1 UNKNOWN with rest, longest', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), undefined],
  ['v2 TCP4', version2(0x21, 0x11, IPV4), address('192.0.2.1', 12345)],
  ['v2 TCP6', version2(0x21, 0x21, IPV6), address('2001:db8::1', 12345)],
  ['v2 LOCAL with anything', version2(0x20, 0x00, Buffer.from('ignored')), undefined],
  ['v2 unspecified', version2(0x21, 0x00, Buffer.alloc(0)), undefined],
  [
    'v2 unknown TLV',
    version2(0x21, 0x11, Buffer.concat([IPV4, tlv(0xea, Buffer.from('vpce-1')), tlv(0x04, Buffer.alloc(9))])),
    address('192.0.2.1', 12345),
  ],
  [
    'v2 verified certificate',
    version2(0x21, 0x11, Buffer.concat([IPV4, ssl(0x07, 0, 'sensor-é')])),
    address('192.0.2.1', 12345, 'sensor-é'),
  ],
  ['v2 certificate that did not verify', version2(0x21, 0x11, Buffer.concat([IPV4, ssl(0x07, 20, 'liar')])), address('192.0.2.1', 12345)],
  ['v2 TLS without certificate', version2(0x21, 0x11, Buffer.concat([IPV4, ssl(0x01, 0, 'nobody')])), address('192.0.2.1', 12345)],
  [
    'v2 certificate of another connection only',
    version2(0x21, 0x11, Buffer.concat([IPV4, ssl(0x05, 0, 'earlier')])),
    address('192.0.2.1', 12345),
  ],
];

const malformed: [string, Buffer][] = [
  ['MQTT', Buffer.from('101000044d5154540502003c0000', 'hex')],
  ['v1 without CR', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 12345 1883\n')],
  ['v1 too long', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`)],
  ['v1 endless', Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`)],
  ['v1 wrong family', Buffer.from('PROXY TCP4 2001:db8::1 2001:db8::2 12345 1883\r\n')],
  ['v1 octet over 255', Buffer.from('PROXY TCP4 192.0.2.256 198.51.100.1 12345 1883\r\n')],
  ['v1 port over 65535', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 65536 1883\r\n')],
  ['v1 leading zero', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 012 1883\r\n')],
  ['v1 two spaces', Buffer.from('PROXY TCP4  192.0.2.1 198.51.100.1 12345 1883\r\n')],
  ['v1 lower case', Buffer.from('proxy TCP4 192.0.2.1 198.51.100.1 12345 1883\r\n')],
  ['v2 version 1', version2(0x11, 0x11, IPV4)],
  ['v2 unknown command', version2(0x22, 0x11, IPV4)],
  ['v2 datagram', version2(0x21, 0x12, IPV4)],
  ['v2 unknown family', version2(0x21, 0x41, IPV4)],
  ['v2 addresses cut off', version2(0x21, 0x11, IPV4.subarray(0, 11))],
  ['v2 TLV cut off', version2(0x21, 0x11, Buffer.concat([IPV4, Buffer.from('ea00', 'hex')]))],
  ['v2 TLV longer than the header', version2(0x21, 0x11, Buffer.concat([IPV4, Buffer.from('ea0005aa', 'hex')]))],
  [
    'v2 nested TLV longer than the outer one',
    version2(0x21, 0x11, Buffer.concat([IPV4, tlv(0x20, Buffer.from('07000000002200ff', 'hex'))])),
  ],
  ['v2 too long', version2(0x21, 0x11, Buffer.concat([IPV4, tlv(0xea, Buffer.alloc(5000))]))],
];

describe('parseProxyHeader', () => {
  test.each(accepted)('%s, complete, cut anywhere, and with bytes after it', (_name, bytes, proxied) => {
    for (let length = 0; length < bytes.length; length++) expect(parseProxyHeader(bytes.subarray(0, length))).toBe('incomplete');
    expect(parseProxyHeader(bytes)).toEqual({ length: bytes.length, proxied });
    expect(parseProxyHeader(Buffer.concat([bytes, Buffer.from('\r\nPROXY')]))).toEqual({ length: bytes.length, proxied });
  });

  test.each(malformed)('%s is malformed', (_name, bytes) => {
    expect(parseProxyHeader(bytes)).toBe('malformed');
  });
});

describe('a listener with proxyProtocol', () => {
  const header = Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 12345 1883\r\n');

  test('tcp: the address of the header, and the bytes that came with it', async () => {
    const served = await serve(optionsOf('tcp', { proxyProtocol: true }));
    const client = await connectTcp(served.port);
    client.write(Buffer.concat([header, Buffer.from('early')]));
    const recorder = await served.recorder();
    client.write(' and late');
    await recorder.until(() => recorder.bytes.length === 14);
    expect(recorder.bytes.toString()).toBe('early and late');
    expect([recorder.stream.remoteAddress, recorder.stream.remotePort]).toEqual(['192.0.2.1', 12345]);
  });

  test('tcp: a header in single bytes', async () => {
    const served = await serve(optionsOf('tcp', { proxyProtocol: true }), { echo: true });
    const client = await connectTcp(served.port);
    client.setNoDelay(true);
    for (const byte of Buffer.concat([version2(0x21, 0x21, IPV6), Buffer.from('x')])) {
      client.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await readBytes(client, 1)).toString()).toBe('x');
    expect(served.recorders[0].stream.remoteAddress).toBe('2001:db8::1');
  });

  test('tcp: LOCAL keeps the address of the socket', async () => {
    const served = await serve(optionsOf('tcp', { proxyProtocol: true }));
    const client = await connectTcp(served.port);
    client.write(version2(0x20, 0, Buffer.alloc(0)));
    const { stream } = await served.recorder();
    expect([stream.remoteAddress, stream.remotePort]).toEqual(['127.0.0.1', client.localPort]);
  });

  test('the common name of version 2 is the certificate', async () => {
    const served = await serve(optionsOf('tcp', { proxyProtocol: true }));
    const client = await connectTcp(served.port);
    client.write(version2(0x21, 0x11, Buffer.concat([IPV4, ssl(0x07, 0, 'sensor-7')])));
    expect((await served.recorder()).stream.certificate?.commonName).toBe('sensor-7');
  });

  test('tls: the header comes before the handshake, also in one chunk with it', async () => {
    const served = await serve(optionsOf('tls', { proxyProtocol: true }), { echo: true });
    const socket = await connectTcp(served.port);
    // Corked, so that the header and the ClientHello leave in one segment.
    socket.cork();
    socket.write(header);
    const client = connectTls({ socket, rejectUnauthorized: false });
    setImmediate(() => socket.uncork());
    client.write('secret');
    expect((await readBytes(client, 6)).toString()).toBe('secret');
    expect(served.recorders[0].stream.remoteAddress).toBe('192.0.2.1');
  });

  test.each(['websocket', 'secure-websocket'] as const)('%s: the header comes before everything else', async (type) => {
    const served = await serve(optionsOf(type, { proxyProtocol: true }), { echo: true });
    const socket = await connectTcp(served.port);
    socket.write(header);
    const webSocket = new WebSocket(served.urls[0], 'mqtt', {
      createConnection: () => (type === 'websocket' ? socket : connectTls({ socket, rejectUnauthorized: false })),
    });
    onCleanup(() => webSocket.terminate());
    await once(webSocket, 'open');
    webSocket.send('hello', { binary: true });
    expect(String((await once(webSocket, 'message'))[0])).toBe('hello');
    expect(served.recorders[0].stream.remoteAddress).toBe('192.0.2.1');
  });

  test('websocket: the header and the upgrade in one chunk', async () => {
    const served = await serve(optionsOf('websocket', { proxyProtocol: true }));
    const client = await connectTcp(served.port);
    const upgrade =
      'GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n';
    client.write(Buffer.concat([header, Buffer.from(upgrade), Buffer.from('8281000000007a', 'hex')]));
    const recorder = await served.recorder();
    await recorder.until(() => recorder.bytes.length === 1);
    expect(recorder.bytes.toString()).toBe('z');
  });

  test('a malformed or missing header closes the connection, and is counted', async () => {
    const served = await serve(optionsOf('tcp', { proxyProtocol: true }));
    for (const bytes of [malformed[0][1], malformed[3][1], malformed[18][1]]) {
      const client = await connectTcp(served.port);
      client.write(bytes);
      await untilClosed(client);
    }
    const silent = await connectTcp(served.port);
    silent.end();
    await untilClosed(silent);
    await eventually(() => served.admission.counters.connections === 0);
    expect(served.listener.counters.proxyHeaderErrors).toBe(4);
    expect(served.recorders.length).toBe(0);
  });
});
