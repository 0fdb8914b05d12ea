import { ReasonCode } from '@si-mqtt/codec';
import { type DropCounters, type JournalCondition } from '@si-mqtt/session';
import { type Logger } from 'pino';
import { FileError } from './access/file-error.js';
import { type BrokerEvents } from './events.js';
import { FencedError } from './fenced-error.js';
import { ListenError } from './listeners/listen-error.js';

const storeConditions: Readonly<Record<JournalCondition, string>> = {
  ready: 'the store takes everything again',
  congested: 'the store is slow: publishers are not read until it has caught up',
  full: 'the store is full: what would have to be stored is refused until there is room',
  unavailable: 'the store does not answer: what would have to be stored is refused until it does',
  behind: 'the store has lost what was acknowledged: nothing is acknowledged any more',
};

/** For an operator, in one line; what a lost store needs is in its error. */
export function storeConditionText(condition: JournalCondition, lastError: string | undefined): string {
  return condition === 'behind' ? `${storeConditions.behind}: ${lastError}` : storeConditions[condition];
}

/** Neither a client that went away nor the daily life of a server: somebody has to look at the client, or at its rights. */
function isFault(reasonCode: number): boolean {
  return reasonCode >= ReasonCode.unspecifiedError && !dailyEnds.has(reasonCode);
}

const dailyEnds: ReadonlySet<number> = new Set([
  ReasonCode.serverShuttingDown,
  ReasonCode.keepAliveTimeout,
  ReasonCode.sessionTakenOver,
  ReasonCode.administrativeAction,
]);

/** What the log says about the server. What can happen often is one line a minute, however often it happens. */
export class ServerLog {
  private readonly logger: Logger;
  private readonly drops: DropCounters;
  private reportedDrops = 0;
  private isRefusing = false;
  private isCongestionReported = false;

  constructor(events: BrokerEvents, logger: Logger, drops: DropCounters) {
    this.logger = logger;
    this.drops = drops;
    events.on('connected', (event) => logger.debug(event, 'client connected'));
    events.on('disconnected', (event) => {
      if (isFault(event.reasonCode)) logger.info(event, 'client disconnected for a fault');
      else logger.debug(event, 'client disconnected');
    });
    events.on('connectionRefused', (event) => {
      // Who only looks for open ports is no client.
      if (event.clientId === undefined) logger.debug(event, 'connection refused');
      else logger.info(event, 'connection refused');
    });
    events.on('queueOverflowed', (event) => logger.warn(event, 'the queue of a session was full, so the session has ended'));
    events.on('storeCondition', ({ condition, lastError }) => this.storeBecame(condition, lastError));
    events.on('error', (error) => {
      // What an operator has to mend is one line, and a defect has to be found.
      if (error instanceof FileError || error instanceof ListenError) logger.error(`${error.message}: what was read before stays`);
      else if (error instanceof FencedError) logger.error(error.message);
      else logger.error({ err: error }, 'something went wrong');
    });
  }

  /** Called once a minute: messages that did not reach a queue, in one line. */
  reportMinute(): void {
    const { queueFull } = this.drops;
    if (queueFull > this.reportedDrops)
      this.logger.warn({ deliveries: queueFull - this.reportedDrops }, 'deliveries were dropped because session queues were full');
    this.reportedDrops = queueFull;
    this.isCongestionReported = false;
  }

  private storeBecame(condition: JournalCondition, lastError: string | undefined): void {
    const text = storeConditionText(condition, lastError);
    if (condition === 'full' || condition === 'unavailable' || condition === 'behind') {
      this.logger[condition === 'behind' ? 'error' : 'warn']({ condition, lastError }, text);
      this.isRefusing = true;
    } else if (this.isRefusing) {
      // The error, whatever it was, is over.
      this.logger.info({ condition }, text);
      this.isRefusing = false;
    } else if (condition === 'congested' && !this.isCongestionReported) {
      // A busy store is congested and ready again many times a second.
      this.logger.info({ condition, lastError }, text);
      this.isCongestionReported = true;
    }
  }
}
