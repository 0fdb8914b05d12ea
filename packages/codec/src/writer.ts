import { utf8Length, writeUtf8 } from './utf8.js';

/** Bytes that a variable byte integer takes; 0 when it is out of range. */
export function variableByteIntegerLength(value: number): number {
  if (!(value >= 0 && value <= 268_435_455)) return 0;
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

/** Writes at most four bytes, the fewest possible [MQTT-1.5.5-1]. Returns the offset behind them. */
export function writeVariableByteInteger(value: number, target: Uint8Array, at: number): number {
  let rest = value;
  let to = at;
  while (rest >= 0x80) {
    target[to++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[to++] = rest;
  return to;
}

/** Bytes of a string with its length; TypeError when it cannot be one. */
export function stringLength(text: string, what: string): number {
  const length = utf8Length(text);
  if (length < 0) throw new TypeError(`${what} contains U+0000 or a lone surrogate`); // [MQTT-1.5.4-1] [MQTT-1.5.4-2]
  if (length > 0xffff) throw new RangeError(`${what} is longer than 65,535 bytes`);
  return 2 + length;
}

/** Bytes of binary data with its length. */
export function binaryLength(data: Uint8Array, what: string): number {
  if (data.length > 0xffff) throw new RangeError(`${what} is longer than 65,535 bytes`);
  return 2 + data.length;
}

/** Refuses what is not an integer from `least` to `most`. */
export function checkInteger(value: number, least: number, most: number, what: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${what} is not an integer from ${least} to ${most}`);
}

/** A cursor that writes; whoever makes one has already made sure that there is room. */
export class Writer {
  readonly target: Uint8Array;
  at: number;

  constructor(target: Uint8Array, at: number) {
    this.target = target;
    this.at = at;
  }

  byte(value: number): void {
    this.target[this.at++] = value;
  }

  uint16(value: number): void {
    this.target[this.at++] = value >> 8;
    this.target[this.at++] = value & 0xff;
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  variableByteInteger(value: number): void {
    this.at = writeVariableByteInteger(value, this.target, this.at);
  }

  string(text: string): void {
    const end = writeUtf8(text, this.target, this.at + 2);
    this.uint16(end - this.at - 2);
    this.at = end;
  }

  binary(data: Uint8Array): void {
    this.uint16(data.length);
    this.bytes(data);
  }

  bytes(data: Uint8Array): void {
    this.target.set(data, this.at);
    this.at += data.length;
  }
}
