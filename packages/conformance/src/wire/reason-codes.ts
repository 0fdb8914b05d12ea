import { type Version } from './requests.js';

/** Names of 5.0, table 2-6. 0x00 to 0x02 are named by the packet. */
const names: Readonly<Record<number, string>> = {
  0x04: 'Disconnect with Will Message',
  0x10: 'No matching subscribers',
  0x11: 'No subscription existed',
  0x18: 'Continue authentication',
  0x19: 'Re-authenticate',
  0x80: 'Unspecified error',
  0x81: 'Malformed Packet',
  0x82: 'Protocol Error',
  0x83: 'Implementation specific error',
  0x84: 'Unsupported Protocol Version',
  0x85: 'Client Identifier not valid',
  0x86: 'Bad User Name or Password',
  0x87: 'Not authorized',
  0x88: 'Server unavailable',
  0x89: 'Server busy',
  0x8a: 'Banned',
  0x8b: 'Server shutting down',
  0x8c: 'Bad authentication method',
  0x8d: 'Keep Alive timeout',
  0x8e: 'Session taken over',
  0x8f: 'Topic Filter invalid',
  0x90: 'Topic Name invalid',
  0x91: 'Packet Identifier in use',
  0x92: 'Packet Identifier not found',
  0x93: 'Receive Maximum exceeded',
  0x94: 'Topic Alias invalid',
  0x95: 'Packet too large',
  0x96: 'Message rate too high',
  0x97: 'Quota exceeded',
  0x98: 'Administrative action',
  0x99: 'Payload format invalid',
  0x9a: 'Retain not supported',
  0x9b: 'QoS not supported',
  0x9c: 'Use another server',
  0x9d: 'Server moved',
  0x9e: 'Shared Subscriptions not supported',
  0x9f: 'Connection rate exceeded',
  0xa0: 'Maximum connect time',
  0xa1: 'Subscription Identifiers not supported',
  0xa2: 'Wildcard Subscriptions not supported',
};

/** 3.1.1, table 3.1. */
const returnCodes: readonly string[] = [
  'Connection Accepted',
  'unacceptable protocol version',
  'identifier rejected',
  'Server unavailable',
  'bad user name or password',
  'not authorized',
];

/** `0x87 Not authorized`; names of CONNACK's return codes before 5.0. */
export function reasonCodeText(code: number, version: Version = 5, packet?: string): string {
  const digits = `0x${code.toString(16).padStart(2, '0')}`;
  if (packet === 'SUBACK' && code <= 2) return `${digits} Granted QoS ${code}`;
  if (packet === 'SUBACK' && version < 5 && code === 0x80) return `${digits} Failure`;
  const name = version < 5 ? returnCodes[code] : code === 0 ? (packet === 'DISCONNECT' ? 'Normal disconnection' : 'Success') : names[code];
  return name === undefined ? digits : `${digits} ${name}`;
}
