import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { PacketReader } from './packet-reader.js';
import { connectPacket, disconnectPacket, numberBurst, type PublishBurst, publishBurst, subscribePacket } from './packets.js';
import { cpuSecondsOfTree } from './process-tree.js';

/** Publisher i sends to topic i, subscriber i gets it; MQTT 3.1.1, QoS 0. */
export interface Load {
  readonly host: string;
  readonly port: number;
  readonly pairs: number;
  /** Messages in one write. */
  readonly burst: number;
  /** Messages per publisher that may be published and not yet delivered, over all publishers together. */
  readonly window: number;
  /** At least 4. */
  readonly payloadBytes: number;
  /** Load before the measurement begins. */
  readonly warmSeconds: number;
  readonly seconds: number;
  /** The broker's process; what it has started counts too. */
  readonly brokerPid: number;
}

export interface Measurement {
  readonly deliveries: number;
  readonly seconds: number;
  readonly deliveriesPerSecond: number;
  /** User and system time of the broker's processes, divided by the deliveries. */
  readonly brokerCpuMicrosecondsPerDelivery: number;
  /** 1 is one core. */
  readonly brokerCpuShare: number;
  readonly generatorCpuShare: number;
  /** Published, and not delivered three seconds after the end. */
  readonly lost: number;
  /** Deliveries whose sequence number was not the next one of their topic. */
  readonly outOfOrder: number;
}

const CONNECT_SECONDS_MAX = 60;
const DRAIN_SECONDS_MAX = 3;
const READ_BUFFER_BYTES = 256 * 1024;

interface Publisher {
  readonly socket: Socket;
  readonly burst: PublishBurst;
  sequence: number;
}

/** A closed loop: as much as the broker takes, with a bounded number of messages under way. */
export class PointToPoint {
  readonly #load: Load;
  readonly #readBuffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
  readonly #publishers: Publisher[] = [];
  readonly #sockets: Socket[] = [];
  #published = 0;
  #delivered = 0;
  #outOfOrder = 0;
  #failure: Error | undefined;

  constructor(load: Load) {
    this.#load = load;
  }

  /** @throws Error if the broker refuses, closes or does not answer */
  async run(): Promise<Measurement> {
    try {
      const numbers = Array.from({ length: this.#load.pairs }, (_, index) => index);
      await Promise.all(numbers.map((index) => this.#openSubscriber(index)));
      await Promise.all(numbers.map((index) => this.#openPublisher(index)));
      await this.#publishFor(this.#load.warmSeconds);
      return await this.#measure();
    } finally {
      for (const socket of this.#sockets)
        socket
          .removeAllListeners('close')
          .on('error', () => undefined)
          .end(disconnectPacket);
    }
  }

  async #measure(): Promise<Measurement> {
    const begun = process.hrtime.bigint();
    const deliveredBefore = this.#delivered;
    const brokerBefore = cpuSecondsOfTree(this.#load.brokerPid);
    const generatorBefore = process.cpuUsage();
    await this.#publishFor(this.#load.seconds);
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    const deliveries = this.#delivered - deliveredBefore;
    const brokerCpuSeconds = cpuSecondsOfTree(this.#load.brokerPid) - brokerBefore;
    const generator = process.cpuUsage(generatorBefore);
    if (deliveries === 0) throw new Error('nothing was delivered');
    await this.#drain();
    return {
      deliveries,
      seconds,
      deliveriesPerSecond: deliveries / seconds,
      brokerCpuMicrosecondsPerDelivery: (brokerCpuSeconds * 1e6) / deliveries,
      brokerCpuShare: brokerCpuSeconds / seconds,
      generatorCpuShare: (generator.user + generator.system) / 1e6 / seconds,
      lost: this.#published - this.#delivered,
      outOfOrder: this.#outOfOrder,
    };
  }

  /** Every turn of the event loop, each publisher in turn writes one burst, as long as the window has room. */
  #publishFor(seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    const outstandingMax = this.#load.window * this.#load.pairs;
    let first = 0;
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        if (this.#failure !== undefined) return reject(this.#failure);
        if (performance.now() >= end) return resolve();
        for (let k = 0; k < this.#publishers.length; k++) {
          const room = outstandingMax - (this.#published - this.#delivered);
          if (room <= 0) break;
          this.#publish(this.#publishers[(first + k) % this.#publishers.length], Math.min(room, this.#load.burst));
        }
        // The next turn begins with the next publisher, so that none is always the one without room.
        first = (first + 1) % this.#publishers.length;
        setImmediate(turn);
      };
      turn();
    });
  }

  #publish(publisher: Publisher, count: number): void {
    const { socket, burst } = publisher;
    // The burst's bytes are used again, so the last write must have left them.
    if (socket.writableLength > 0) return;
    numberBurst(burst, publisher.sequence, count);
    publisher.sequence += count;
    this.#published += count;
    socket.write(count === this.#load.burst ? burst.bytes : burst.bytes.subarray(0, count * burst.packetBytes));
  }

  async #drain(): Promise<void> {
    const end = performance.now() + DRAIN_SECONDS_MAX * 1000;
    while (this.#delivered < this.#published && performance.now() < end) {
      if (this.#failure !== undefined) throw this.#failure;
      await pause(10);
    }
  }

  async #openSubscriber(index: number): Promise<void> {
    let expected = 0;
    await this.#open(`bench-sub-${index}`, topicOf(index), (sequence) => {
      if (sequence !== expected) this.#outOfOrder += 1;
      expected = (sequence + 1) >>> 0;
      this.#delivered += 1;
    });
  }

  async #openPublisher(index: number): Promise<void> {
    const socket = await this.#open(`bench-pub-${index}`, undefined, () => this.#fail(new Error('a publisher received a message')));
    const burst = publishBurst(topicOf(index), this.#load.payloadBytes, this.#load.burst);
    this.#publishers.push({ socket, burst, sequence: 0 });
  }

  /** Connects, subscribes to `topicFilter` if there is one, and resolves when the broker has agreed to both. */
  #open(clientId: string, topicFilter: string | undefined, delivery: (sequence: number) => void): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const { host, port } = this.#load;
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
        this.#fail(error);
      };
      const opened = (): void => {
        clearTimeout(timer);
        resolve(socket);
      };
      const timer = setTimeout(
        () => fail(new Error(`${clientId} was not accepted within ${CONNECT_SECONDS_MAX} s`)),
        CONNECT_SECONDS_MAX * 1000,
      );
      const reader = new PacketReader({
        connack: (code) => {
          if (code !== 0) fail(new Error(`${clientId} was refused with ${code}`));
          else if (topicFilter === undefined) opened();
          else socket.write(subscribePacket(topicFilter));
        },
        suback: (code) => (code === 0 ? opened() : fail(new Error(`${clientId} may not subscribe: ${code}`))),
        delivery,
      });
      const read = (length: number, buffer: Uint8Array): boolean => {
        try {
          reader.read((buffer as Buffer).subarray(0, length));
        } catch (error) {
          fail(error as Error);
        }
        return true;
      };
      // All connections read into one buffer: the reader keeps nothing of it.
      const socket = connect({ host, port, noDelay: true, onread: { buffer: this.#readBuffer, callback: read } });
      socket.once('error', fail).once('close', () => fail(new Error(`the broker closed the connection of ${clientId}`)));
      this.#sockets.push(socket);
      socket.write(connectPacket(clientId));
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }
}

const topicOf = (index: number): string => `bench/dev/${index}/up`;
