import { Duplex } from 'node:stream';
import { type Connect } from '@si-mqtt/conformance';

/** What becomes of one packet; undefined drops it. `position` is where the variable header begins. */
export type Change = (packet: Buffer, position: number) => Buffer | undefined;

/** What a proxy does wrong; made anew for each connection, so that it can count. */
export interface Fault {
  /** Packets of the server. */
  readonly server?: () => Change;
  /** Packets of the client: with some of them, the server does what it must not. */
  readonly client?: () => Change;
}

const packetTypes = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsuback: 11,
  pingresp: 13,
  disconnect: 14,
} as const;

/** A change in packets of one type only. */
export function inType(type: keyof typeof packetTypes, change: Change): Change {
  return (packet, position) => (packet[0] >> 4 === packetTypes[type] ? change(packet, position) : packet);
}

export function withByte(packet: Buffer, position: number, change: (byte: number) => number): Buffer {
  const changed = Buffer.from(packet);
  changed[position] = change(changed[position]);
  return changed;
}

export function hasQos(packet: Buffer): boolean {
  return (packet[0] & 0x06) !== 0;
}

/** Where the Packet Identifier of a PUBLISH is. */
export function afterTopic(packet: Buffer, position: number): number {
  return position + 2 + packet.readUInt16BE(position);
}

/** Splits what comes into packets and gives on what the change makes of them. */
function changing(change: Change, giveOn: (packet: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      let [length, position] = [0, 1];
      while (rest[position] >= 0x80) length += (rest[position] & 0x7f) * 128 ** (position++ - 1);
      length += (rest[position] ?? 0) * 128 ** (position++ - 1);
      if (rest.length < position || rest.length < position + length) return;
      const changed = change(rest.subarray(0, position + length), position);
      if (changed !== undefined) giveOn(changed);
      rest = rest.subarray(position + length);
    }
  };
}

/** A connection through a proxy with a fault. Without one in that direction, bytes are passed on as they are. */
function through({ server: ofServer, client: ofClient }: Fault, server: Duplex): Duplex {
  const toServer =
    ofClient === undefined ? (chunk: Buffer) => void server.write(chunk) : changing(ofClient(), (packet) => server.write(packet));
  const client: Duplex = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => {
      toServer(chunk as Buffer);
      done();
    },
    final: (done) => void server.end(() => done()),
    destroy: (error, done) => {
      server.destroy();
      done(error);
    },
  });
  server.on('data', ofServer === undefined ? (chunk) => client.push(chunk) : changing(ofServer(), (packet) => client.push(packet)));
  for (const event of ['end', 'close', 'error']) server.once(event, () => client.push(null));
  return client;
}

export function overFaultyProxy(fault: Fault, connect: Connect): Connect {
  return async () => through(fault, await connect());
}
