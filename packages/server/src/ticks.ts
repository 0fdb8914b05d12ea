import { getHeapStatistics } from 'node:v8';
import { ReasonCode } from '@si-mqtt/codec';
import { type Logger } from 'pino';
import { type Broker } from './broker.js';
import { type Connection } from './connection.js';
import { type Listener } from './listeners/listener.js';
import { type ServerLog } from './server-log.js';
import { type CompleteServerOptions } from './server-options.js';
import { runInTurn } from './turn-share.js';

const tickMilliseconds = 500;
const ticksPerSecond = 1000 / tickMilliseconds;
const ticksPerHeapLook = 4;
const ticksPerMinute = 60 * ticksPerSecond;

export interface TickParts {
  readonly broker: Broker;
  readonly log: ServerLog;
  readonly logger: Logger;
  /** Asked each time: a reload may have changed them. */
  readonly options: () => CompleteServerOptions;
  readonly listeners: () => readonly Listener[];
}

/** The broker's coarse clock, and what is looked at when it ticks: keep alive, delayed wills, session expiry, heap, certificates. */
export class Ticks {
  private readonly parts: TickParts;
  private timer: NodeJS.Timeout | undefined;

  constructor(parts: TickParts) {
    this.parts = parts;
  }

  /** False: it was never started. */
  get isRunning(): boolean {
    return this.timer !== undefined;
  }

  start(): void {
    this.timer = setInterval(() => this.tick(), tickMilliseconds);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const { broker, log, options } = this.parts;
    const tick = ++broker.currentTick;
    for (const connection of broker.connections) {
      if (this.isSilent(connection)) runInTurn(() => this.endSilent(connection));
    }
    broker.ends.tick();
    if (tick % ticksPerHeapLook === 0) this.lookAtHeap();
    if (tick % Math.max(1, Math.round(options().life.filePollSeconds * ticksPerSecond)) === 0) void this.lookAtCertificates();
    if (tick % ticksPerMinute === 0) log.reportMinute();
  }

  private isSilent({ keepAliveSeconds, isOpen, isStalled, lastReceivedTick }: Connection): boolean {
    if (keepAliveSeconds === 0 || !isOpen || isStalled) return false;
    // One and a half times the keep alive [MQTT-3.1.2-22]; one tick of grace for the coarse clock.
    return (this.parts.broker.currentTick - lastReceivedTick - 1) * tickMilliseconds >= keepAliveSeconds * 1500;
  }

  private endSilent(connection: Connection): void {
    if (!this.isSilent(connection)) return;
    this.parts.broker.counters.keepAliveTimeouts++;
    connection.close(ReasonCode.keepAliveTimeout, 'nothing came within one and a half times the keep alive');
  }

  private lookAtHeap(): void {
    const { broker, logger, options } = this.parts;
    const isOverloaded = getHeapStatistics().used_heap_size > options().limits.heapBytesMax;
    if (isOverloaded && !broker.surroundings.isOverloaded)
      logger.warn('the heap is above heapBytesMax: new clients and queued messages are refused until it has shrunk');
    broker.surroundings.isOverloaded = isOverloaded;
  }

  private async lookAtCertificates(): Promise<void> {
    const { broker, logger, listeners } = this.parts;
    for (const { certificates, information } of listeners()) {
      try {
        if (await certificates?.reloadIfChanged()) logger.info({ listener: information.name }, 'the certificates have changed');
      } catch (error) {
        broker.parts.events.emit('error', error as Error);
      }
    }
  }
}
