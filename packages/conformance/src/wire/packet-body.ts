import { hexadecimal } from './bytes.js';
import { type Version } from './requests.js';
import { ServerBreach } from './server-breach.js';
import { type Properties, type PropertyCarrier, propertyRules } from './server-packets.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A walk over one packet's variable header and payload; every step fails with the packet's bytes in the message. */
export class PacketBody {
  readonly version: Version;
  private readonly raw: Buffer;
  private position: number;

  constructor(raw: Buffer, header: number, version: Version) {
    this.raw = raw;
    this.position = header;
    this.version = version;
  }

  fail(reason: string): never {
    throw new ServerBreach(`${reason}: ${hexadecimal(this.raw)}`);
  }

  get atEnd(): boolean {
    return this.position === this.raw.length;
  }

  finish(): void {
    if (!this.atEnd) this.fail('bytes are left over at the end');
  }

  take(count: number, what: string): Buffer {
    if (this.position + count > this.raw.length) this.fail(`${what} goes beyond the end of the packet`);
    const taken = this.raw.subarray(this.position, this.position + count);
    this.position += count;
    return taken;
  }

  byte(what: string): number {
    return this.take(1, what)[0];
  }

  uint16(what: string): number {
    return this.take(2, what).readUInt16BE();
  }

  packetId(): number {
    const packetId = this.uint16('Packet Identifier');
    if (packetId === 0) this.fail('Packet Identifier is 0');
    return packetId;
  }

  binary(what: string): Buffer {
    return this.take(this.uint16(`length of ${what}`), what);
  }

  /** Checks the text of `content`, by default of the next field. */
  text(what: string, content: Buffer = this.binary(what)): string {
    if (content.includes(0)) this.fail(`${what} contains U+0000`);
    try {
      return decoder.decode(content);
    } catch {
      return this.fail(`${what} is no well-formed UTF-8`);
    }
  }

  variableByteInteger(what: string): number {
    let value = 0;
    for (let index = 0; index < 4; index++) {
      const digit = this.byte(what);
      value += (digit & 0x7f) * 128 ** index;
      if (digit < 0x80) {
        if (digit === 0 && index > 0) this.fail(`${what} is not in its shortest form`);
        return value;
      }
    }
    return this.fail(`${what} takes more than four bytes`);
  }

  remaining(): Buffer {
    return this.take(this.raw.length - this.position, 'payload');
  }

  /** The property length may be left out at the end of these packets (5.0, 3.4.2.2.1 and its like). */
  optionalProperties(carrier: PropertyCarrier): Properties {
    return this.atEnd ? { names: [], userProperties: [], subscriptionIdentifiers: [] } : this.properties(carrier);
  }

  properties(carrier: PropertyCarrier): Properties {
    const found: Properties = { names: [], userProperties: [], subscriptionIdentifiers: [] };
    if (this.version < 5) return found;
    const length = this.variableByteInteger('Property Length');
    const end = this.position + length;
    if (end > this.raw.length) this.fail('Property Length goes beyond the end of the packet');
    while (this.position < end) this.property(carrier, found);
    if (this.position !== end) this.fail('a property goes beyond the Property Length');
    return found;
  }

  private property(carrier: PropertyCarrier, found: Properties): void {
    const identifier = this.variableByteInteger('property identifier');
    const rule = propertyRules[identifier];
    if (rule === undefined || !rule.carriers.includes(carrier)) this.fail(`property ${identifier} is not allowed in ${carrier}`);
    found.names.push(rule.name);
    if (rule.name === 'userProperties') {
      found.userProperties.push([this.text('User Property name'), this.text('User Property value')]);
      return;
    }
    if (rule.name === 'subscriptionIdentifiers') {
      const value = this.variableByteInteger('Subscription Identifier');
      if (value === 0) this.fail('Subscription Identifier is 0');
      found.subscriptionIdentifiers.push(value);
      return;
    }
    if (found[rule.name] !== undefined) this.fail(`${rule.name} comes twice`);
    const value = this.value(rule.kind, rule.name);
    if (typeof value === 'number' && (value < (rule.minimum ?? 0) || value > (rule.maximum ?? Infinity)))
      this.fail(`${rule.name} is ${value}`);
    Object.assign(found, { [rule.name]: value });
  }

  private value(kind: 'byte' | 'uint16' | 'uint32' | 'text' | 'binary', what: string): number | string | Buffer {
    if (kind === 'byte') return this.byte(what);
    if (kind === 'uint16') return this.uint16(what);
    if (kind === 'uint32') return this.take(4, what).readUInt32BE();
    return kind === 'text' ? this.text(what) : this.binary(what);
  }
}
