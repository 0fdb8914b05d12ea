import { createServer, Socket } from 'node:net';

/*
 * `node bare-loop.js PORT`: the least that a broker in Node can do, to compare with. It copies each PUBLISH with QoS 0 of MQTT 3.1.1 to whoever
 * subscribed to its topic, or to everything, and writes to each connection once per turn. It has no sessions, rules, limits, metrics or checks, so that
 * what it takes is what the kernel and Node take.
 */

const READ_BYTES = 128 * 1024;
const OUTPUT_BYTES = 64 * 1024;

const CONNECT = 1;
const PUBLISH = 3;
const SUBSCRIBE = 8;
const DISCONNECT = 14;
const CONNACK = Buffer.from([0x20, 2, 0, 0]);

const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
const byTopic = new Map<string, Receiver[]>();
const ofEverything: Receiver[] = [];
const none: readonly Receiver[] = [];

let dirty: Receiver[] = [];

function flush(): void {
  const receivers = dirty;
  dirty = [];
  for (const receiver of receivers) receiver.flush();
}

class Receiver {
  private readonly socket: Socket;
  private output: Buffer = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  private used = 0;
  private isDirty = false;
  /** The beginning of a packet whose end has not come yet. */
  private rest: Buffer | undefined;

  constructor(handle: unknown) {
    const callback = (length: number): boolean => {
      this.read(length);
      return true;
    };
    // As the broker does it: all connections read into one buffer.
    const options = { handle, allowHalfOpen: false, onread: { buffer: readBuffer, callback } };
    this.socket = new Socket(options);
    this.socket.on('error', () => undefined).resume();
  }

  put(bytes: Buffer, start: number, end: number): void {
    if (this.used + end - start > OUTPUT_BYTES) this.flush();
    bytes.copy(this.output, this.used, start, end);
    this.used += end - start;
    if (this.isDirty) return;
    this.isDirty = true;
    if (dirty.length === 0) setImmediate(flush);
    dirty.push(this);
  }

  flush(): void {
    this.isDirty = false;
    if (this.used > 0) this.socket.write(this.output.subarray(0, this.used));
    this.used = 0;
    if (this.socket.writableLength > 0) this.output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  }

  private read(length: number): void {
    const bytes = this.rest === undefined ? readBuffer : Buffer.concat([this.rest, readBuffer.subarray(0, length)]);
    const end = this.rest === undefined ? length : bytes.length;
    const handled = this.handle(bytes, end);
    this.rest = handled < end ? Buffer.from(bytes.subarray(handled, end)) : undefined;
  }

  /** @returns where the first packet begins that is not complete */
  private handle(bytes: Buffer, length: number): number {
    let start = 0;
    for (;;) {
      let at = start + 1;
      let remainingLength = 0;
      let byte = 0x80;
      for (let shift = 0; byte >= 0x80; shift += 7) {
        if (at >= length) return start;
        byte = bytes[at++];
        remainingLength |= (byte & 0x7f) << shift;
      }
      const end = at + remainingLength;
      if (end > length) return start;
      this.receive(bytes, start, at, end);
      start = end;
    }
  }

  private receive(bytes: Buffer, start: number, at: number, end: number): void {
    switch (bytes[start] >> 4) {
      case PUBLISH: {
        const topicName = textAt(bytes, at);
        for (const receiver of byTopic.get(topicName) ?? none) receiver.put(bytes, start, end);
        for (const receiver of ofEverything) receiver.put(bytes, start, end);
        break;
      }
      case CONNECT:
        this.socket.write(CONNACK);
        break;
      case SUBSCRIBE: {
        const topicFilter = textAt(bytes, at + 2);
        if (topicFilter.endsWith('#')) ofEverything.push(this);
        else byTopic.set(topicFilter, [...(byTopic.get(topicFilter) ?? none), this]);
        this.socket.write(Buffer.from([0x90, 3, bytes[at], bytes[at + 1], 0]));
        break;
      }
      case DISCONNECT:
        this.socket.end();
        break;
    }
  }
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at + 2, at + 2 + bytes.readUInt16BE(at));
}

createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
  const holder = accepted as unknown as { _handle: unknown };
  const handle = holder._handle;
  holder._handle = null;
  new Receiver(handle);
}).listen(Number(process.argv[2]), '127.0.0.1');
