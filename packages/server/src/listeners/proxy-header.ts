import { type ClientCertificate } from '../access/authenticator.js';

/** What a proxy says of the connection that it forwards. */
export interface ProxiedConnection {
  /** Undefined if the client is no Internet address (a Unix socket in front of the proxy). */
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** From the SSL TLV of version 2, if the proxy verified the client's certificate on this connection. */
  readonly certificate: ClientCertificate | undefined;
}

/** `length` bytes belong to the header; `proxied` is undefined if the proxy speaks for itself (LOCAL, UNKNOWN). */
export interface ProxyHeader {
  readonly length: number;
  readonly proxied: ProxiedConnection | undefined;
}

/** Version 1 is at most this long, line end included (PROXY protocol, section 2.1). */
const V1_BYTES_MAX = 107;
/** Version 2 could announce 64 KiB; a header with addresses, an SSL TLV and names is far below this. */
const V2_BYTES_MAX = 4096;
/** No header that is accepted is longer. */
export const PROXY_HEADER_BYTES_MAX: number = V2_BYTES_MAX;

const V1_PREFIX = [...'PROXY '].map((character) => character.charCodeAt(0));
const V2_SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const V2_FIXED_BYTES = 16;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

/**
 * Reads a PROXY protocol header, version 1 or 2, from the first bytes of a connection.
 *
 * @returns `incomplete` if all bytes so far may be the beginning of one, `malformed` if they are none
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader | 'incomplete' | 'malformed' {
  if (bytes.length === 0) return 'incomplete';
  if (startsLike(bytes, V2_SIGNATURE)) return parseVersion2(bytes);
  if (startsLike(bytes, V1_PREFIX)) return parseVersion1(bytes);
  return 'malformed';
}

function startsLike(bytes: Uint8Array, prefix: readonly number[]): boolean {
  const length = Math.min(bytes.length, prefix.length);
  for (let index = 0; index < length; index++) if (bytes[index] !== prefix[index]) return false;
  return true;
}

function parseVersion1(bytes: Uint8Array): ProxyHeader | 'incomplete' | 'malformed' {
  const end = bytes.indexOf(LINE_FEED);
  if (end === -1) return bytes.length >= V1_BYTES_MAX ? 'malformed' : 'incomplete';
  if (end + 1 > V1_BYTES_MAX || bytes[end - 1] !== CARRIAGE_RETURN) return 'malformed';
  const line = String.fromCharCode(...bytes.subarray(0, end - 1));
  const length = end + 1;
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) return { length, proxied: undefined };
  const words = line.split(' ');
  if (words.length !== 6) return 'malformed';
  const [, family, source, destination, sourcePort, destinationPort] = words;
  const isAddress = family === 'TCP4' ? isIpv4 : family === 'TCP6' ? isIpv6 : undefined;
  if (isAddress === undefined || !isAddress(source) || !isAddress(destination)) return 'malformed';
  const port = parsePort(sourcePort);
  if (port === undefined || parsePort(destinationPort) === undefined) return 'malformed';
  return { length, proxied: { address: source, port, certificate: undefined } };
}

function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text);
}

function isIpv6(text: string): boolean {
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(text) || !text.includes(':')) return false;
  try {
    return new URL(`http://[${text}]/`).hostname.length > 0;
  } catch {
    return false;
  }
}

function parsePort(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function parseVersion2(bytes: Uint8Array): ProxyHeader | 'incomplete' | 'malformed' {
  if (bytes.length < V2_FIXED_BYTES) return 'incomplete';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const versionAndCommand = bytes[12];
  const length = V2_FIXED_BYTES + view.getUint16(14);
  if (versionAndCommand >> 4 !== 2 || length > V2_BYTES_MAX) return 'malformed';
  const command = versionAndCommand & 0x0f;
  if (command > 1) return 'malformed';
  if (bytes.length < length) return 'incomplete';
  // LOCAL: the proxy itself, for instance its health check; what follows in the header is to be ignored.
  if (command === 0) return { length, proxied: undefined };
  return parseProxied(view, bytes[13], length);
}

/** Address families of version 2 (upper half of byte 13); the transport in the lower half is STREAM for all that we accept. */
const FAMILY_UNSPECIFIED = 0x0;
const FAMILY_IPV4 = 0x1;
const FAMILY_IPV6 = 0x2;
const FAMILY_UNIX = 0x3;
const TRANSPORT_STREAM = 0x1;

function parseProxied(view: DataView, familyAndTransport: number, length: number): ProxyHeader | 'malformed' {
  const family = familyAndTransport >> 4;
  if (family === FAMILY_UNSPECIFIED) return { length, proxied: undefined };
  if ((familyAndTransport & 0x0f) !== TRANSPORT_STREAM) return 'malformed';
  const addressBytes = family === FAMILY_IPV4 ? 12 : family === FAMILY_IPV6 ? 36 : family === FAMILY_UNIX ? 216 : Number.POSITIVE_INFINITY;
  const tlvStart = V2_FIXED_BYTES + addressBytes;
  if (tlvStart > length) return 'malformed';
  const certificate = parseTlvs(view, tlvStart, length);
  if (certificate === 'malformed') return 'malformed';
  if (family === FAMILY_UNIX) return { length, proxied: { address: undefined, port: undefined, certificate } };
  const ipv4 = family === FAMILY_IPV4;
  const address = ipv4 ? ipv4Text(view, V2_FIXED_BYTES) : ipv6Text(view, V2_FIXED_BYTES);
  const port = view.getUint16(V2_FIXED_BYTES + (ipv4 ? 8 : 32));
  return { length, proxied: { address, port, certificate } };
}

function ipv4Text(view: DataView, offset: number): string {
  return `${view.getUint8(offset)}.${view.getUint8(offset + 1)}.${view.getUint8(offset + 2)}.${view.getUint8(offset + 3)}`;
}

/** The shortest form, as URL writes it (RFC 5952). */
function ipv6Text(view: DataView, offset: number): string {
  const groups: string[] = [];
  for (let group = 0; group < 8; group++) groups.push(view.getUint16(offset + group * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

const TLV_SSL = 0x20;
const SSL_COMMON_NAME = 0x22;
/** Bits of the SSL TLV's first byte. */
const CLIENT_SSL = 0x01;
const CLIENT_CERTIFICATE_ON_CONNECTION = 0x02;

/** Walks the type-length-value fields; unknown ones are skipped, and lengths that do not fit are malformed. */
function parseTlvs(view: DataView, start: number, end: number): ClientCertificate | undefined | 'malformed' {
  let certificate: ClientCertificate | undefined;
  for (let offset = start; offset < end; ) {
    const valueStart = offset + 3;
    if (valueStart > end) return 'malformed';
    const next = valueStart + view.getUint16(offset + 1);
    if (next > end) return 'malformed';
    if (view.getUint8(offset) === TLV_SSL) {
      const parsed = parseSsl(view, valueStart, next);
      if (parsed === 'malformed') return 'malformed';
      certificate = parsed;
    }
    offset = next;
  }
  return certificate;
}

/** One byte of flags, four bytes that are 0 if the certificate verified, then fields of the same form as the outer ones. */
function parseSsl(view: DataView, start: number, end: number): ClientCertificate | undefined | 'malformed' {
  if (start + 5 > end) return 'malformed';
  const flags = CLIENT_SSL | CLIENT_CERTIFICATE_ON_CONNECTION;
  const verified = (view.getUint8(start) & flags) === flags && view.getUint32(start + 1) === 0;
  let commonName: string | undefined;
  for (let offset = start + 5; offset < end; ) {
    const valueStart = offset + 3;
    if (valueStart > end) return 'malformed';
    const next = valueStart + view.getUint16(offset + 1);
    if (next > end) return 'malformed';
    if (view.getUint8(offset) === SSL_COMMON_NAME) {
      const name = decodeUtf8(new Uint8Array(view.buffer, view.byteOffset + valueStart, next - valueStart));
      if (name === undefined) return 'malformed';
      commonName = name;
    }
    offset = next;
  }
  if (!verified || commonName === undefined) return undefined;
  return { commonName, fingerprint256: '', subject: `CN=${commonName}` };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
