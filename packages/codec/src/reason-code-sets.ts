import { type Sender } from './decoder-options.js';
import { type ReasonCode } from './reason-codes.js';

/** Packets that carry reason codes of their own. */
export type ReasonedPacket = 'connack' | 'puback' | 'pubrec' | 'pubrel' | 'pubcomp' | 'suback' | 'unsuback' | 'disconnect' | 'auth';

const serverOnly = 1;
const clientOnly = 2;
const either = 3;

type Codes = readonly number[];

function setOf(codes: { [key in 'either' | 'server' | 'client']?: Codes }): Uint8Array {
  const set = new Uint8Array(256);
  for (const code of codes.server ?? []) set[code] = serverOnly;
  for (const code of codes.client ?? []) set[code] = clientOnly;
  for (const code of codes.either ?? []) set[code] = either;
  return set;
}

const published = setOf({ either: [0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99], server: [0x10] });
const released = setOf({ either: [0x00, 0x92] });

const sets: Readonly<Record<ReasonedPacket, Uint8Array>> = {
  connack: setOf({
    server: [
      0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
    ],
  }), // [MQTT-3.2.2-8]
  puback: published, // [MQTT-3.4.2-1]
  pubrec: published, // [MQTT-3.5.2-1]
  pubrel: released, // [MQTT-3.6.2-1]
  pubcomp: released, // [MQTT-3.7.2-1]
  suback: setOf({ server: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2] }), // [MQTT-3.9.3-2]
  unsuback: setOf({ server: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91] }), // [MQTT-3.11.3-2]
  // 0x8C stands in the table of all codes (section 2.4) as one of DISCONNECT, though not in DISCONNECT's own.
  disconnect: setOf({
    either: [0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99],
    client: [0x04],
    server: [0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2],
  }), // [MQTT-3.14.2-1]
  auth: setOf({ server: [0x00], either: [0x18], client: [0x19] }), // [MQTT-3.15.2-1]
};

/** Whether 5.0 defines this reason code for this packet from this side. */
export function isReasonCodeOf(packet: ReasonedPacket, reasonCode: ReasonCode, from: Sender | 'either' = 'either'): boolean {
  const by = sets[packet][reasonCode] ?? 0;
  return (by & (from === 'server' ? serverOnly : from === 'client' ? clientOnly : either)) !== 0;
}
