import { reasonCodeText } from './reason-codes.js';
import { type Version } from './requests.js';
import { propertyRules } from './server-packets.js';

const packetNames: readonly string[] = [
  'packet type 0',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
];

type Kind = 'byte' | 'uint16' | 'uint32' | 'text' | 'binary' | 'variable' | 'pair';

/** What only clients send (5.0, table 2-4). */
const clientProperties: Readonly<Record<number, { readonly name: string; readonly kind: Kind } | undefined>> = {
  0x17: { name: 'requestProblemInformation', kind: 'byte' },
  0x18: { name: 'willDelayInterval', kind: 'uint32' },
  0x19: { name: 'requestResponseInformation', kind: 'byte' },
  0x0b: { name: 'subscriptionIdentifier', kind: 'variable' },
  0x26: { name: 'userProperty', kind: 'pair' },
};

/** The bytes do not go on as they should. */
class Malformed extends Error {}

/** Reads as far as there is sense, and judges nothing: also for packets that are malformed on purpose. */
class Reader {
  private readonly content: Buffer;
  private position = 0;

  constructor(content: Buffer) {
    this.content = content;
  }

  get left(): number {
    return this.content.length - this.position;
  }

  take(count: number): Buffer {
    if (count > this.left) throw new Malformed('cut off');
    this.position += count;
    return this.content.subarray(this.position - count, this.position);
  }

  byte(): number {
    return this.take(1)[0];
  }

  uint16(): number {
    return this.take(2).readUInt16BE();
  }

  field(): Buffer {
    return this.take(this.uint16());
  }

  variable(): number {
    let value = 0;
    for (let index = 0; index < 4; index++) {
      const digit = this.byte();
      value += (digit & 0x7f) * 128 ** index;
      if (digit < 0x80) return value;
    }
    throw new Malformed('a length of more than four bytes');
  }
}

/** Quoted, with what is no printable text as escapes; long text is cut. */
function quoted(content: Buffer): string {
  const text = JSON.stringify(content.subarray(0, 40).toString('utf8'));
  return content.length > 40 ? `${text} … (${content.length} bytes)` : text;
}

function propertyValue(reader: Reader, kind: Kind): string {
  if (kind === 'byte') return String(reader.byte());
  if (kind === 'uint16') return String(reader.uint16());
  if (kind === 'uint32') return String(reader.take(4).readUInt32BE());
  if (kind === 'variable') return String(reader.variable());
  return kind === 'pair' ? `${quoted(reader.field())} = ${quoted(reader.field())}` : quoted(reader.field());
}

/** `, name value, …` */
function propertiesText(reader: Reader, version: Version): string {
  if (version < 5) return '';
  const section = new Reader(reader.take(reader.variable()));
  let text = '';
  while (section.left > 0) {
    const identifier = section.variable();
    const rule = clientProperties[identifier] ?? propertyRules[identifier];
    if (rule === undefined) return `${text}, property 0x${identifier.toString(16)}, which is not defined`;
    text += `, ${rule.name} ${propertyValue(section, rule.kind)}`;
  }
  return text;
}

type Describe = (reader: Reader, version: Version, flags: number, name: string) => string;

function connectText(reader: Reader): string {
  const [name, level, flags, keepAlive] = [reader.field(), reader.byte(), reader.byte(), reader.uint16()];
  const version = (level & 0x7f) as Version;
  let text = ` ${quoted(name)} level ${level}, ${version < 5 ? 'Clean Session' : 'Clean Start'} ${(flags >> 1) & 1}, Keep Alive ${keepAlive}`;
  if ((flags & 1) !== 0) text += ', reserved flag set';
  text += propertiesText(reader, version);
  text += `, client id ${quoted(reader.field())}`;
  if ((flags & 0x04) !== 0) {
    text += `, will QoS ${(flags >> 3) & 3}${(flags & 0x20) === 0 ? '' : ' RETAIN'}${propertiesText(reader, version)}`;
    text += `, will topic ${quoted(reader.field())}, will payload ${quoted(reader.field())}`;
  }
  if ((flags & 0x80) !== 0) text += `, user name ${quoted(reader.field())}`;
  if ((flags & 0x40) !== 0) text += `, password of ${reader.field().length} bytes`;
  return text;
}

const connackText: Describe = (reader, version) => {
  const [flags, code] = [reader.byte(), reader.byte()];
  return ` ${reasonCodeText(code, version, 'CONNACK')}, Session Present ${flags & 1}${propertiesText(reader, version)}`;
};

const publishText: Describe = (reader, version, flags) => {
  const qos = (flags >> 1) & 3;
  const marks = `${(flags & 8) === 0 ? '' : ' DUP'}${(flags & 1) === 0 ? '' : ' RETAIN'}`;
  let text = ` QoS ${qos}${marks}, topic ${quoted(reader.field())}`;
  if (qos > 0) text += `, id ${reader.uint16()}`;
  text += propertiesText(reader, version);
  return `${text}, payload ${quoted(reader.take(reader.left))}`;
};

const acknowledgementText: Describe = (reader, version, _flags, name) => {
  let text = ` id ${reader.uint16()}`;
  if (reader.left > 0) text += ` ${reasonCodeText(reader.byte(), version, name)}`;
  return reader.left > 0 ? text + propertiesText(reader, version) : text;
};

const subscribeText: Describe = (reader, version) => {
  let text = ` id ${reader.uint16()}${propertiesText(reader, version)}`;
  while (reader.left > 0) {
    text += `, filter ${quoted(reader.field())}`;
    const options = reader.byte();
    text += ` QoS ${options & 3}`;
    if (options > 3) text += ` options 0x${options.toString(16).padStart(2, '0')}`;
  }
  return text;
};

const unsubscribeText: Describe = (reader, version) => {
  let text = ` id ${reader.uint16()}${propertiesText(reader, version)}`;
  while (reader.left > 0) text += `, filter ${quoted(reader.field())}`;
  return text;
};

const codesText: Describe = (reader, version, _flags, name) => {
  const text = ` id ${reader.uint16()}${propertiesText(reader, version)}`;
  return [text, ...[...reader.take(reader.left)].map((code) => reasonCodeText(code, version, name))].join(', ');
};

const endingText: Describe = (reader, version, _flags, name) => {
  if (reader.left === 0) return '';
  const text = ` ${reasonCodeText(reader.byte(), version, name)}`;
  return reader.left > 0 ? text + propertiesText(reader, version) : text;
};

const describers: readonly (Describe | undefined)[] = [
  undefined,
  connectText,
  connackText,
  publishText,
  acknowledgementText,
  acknowledgementText,
  acknowledgementText,
  acknowledgementText,
  subscribeText,
  codesText,
  unsubscribeText,
  codesText,
  undefined,
  undefined,
  endingText,
  endingText,
];

/** One line for each packet that begins in the bytes: its name and what it carries, as far as it can be read. */
export function describePackets(content: Buffer, version: Version): string[] {
  const reader = new Reader(content);
  const lines: string[] = [];
  while (reader.left > 0 && lines.length < 10) lines.push(describePacket(reader, version));
  if (reader.left > 0) lines.push(`… ${reader.left} bytes more`);
  return lines;
}

function describePacket(reader: Reader, version: Version): string {
  const first = reader.byte();
  const [name, flags] = [packetNames[first >> 4], first & 0x0f];
  const expected = [6, 8, 10].includes(first >> 4) ? 2 : 0;
  let text = first >> 4 === 3 || flags === expected ? name : `${name} with flags ${flags}`;
  try {
    const length = reader.variable();
    const body = new Reader(reader.take(Math.min(length, reader.left)));
    if (body.left < length) text += ` (${body.left} of ${length} bytes)`;
    text += describers[first >> 4]?.(body, version, flags, name) ?? '';
    if (body.left > 0) text += `, ${body.left} bytes more`;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    text += ` (malformed: ${error.message})`;
  }
  return text;
}
