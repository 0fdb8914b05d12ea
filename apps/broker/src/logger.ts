import { type Logger, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { type LogConfiguration } from './configuration.js';
import { type Host } from './host.js';

/** Whether people read the log. */
export function isPretty({ format }: LogConfiguration, { stdout }: Pick<Host, 'stdout'>): boolean {
  return format === 'pretty' || (format === 'auto' && stdout.isTTY === true);
}

/** Logs to standard output, in this thread: lines that were written before a crash are there. */
export function createLogger(configuration: LogConfiguration, host: Pick<Host, 'stdout'>): Logger {
  const options = { level: configuration.level, base: undefined };
  if (!isPretty(configuration, host)) {
    return pino(options, host.stdout);
  }
  const stream = PinoPretty({
    destination: host.stdout,
    sync: true,
    colorize: host.stdout.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return pino(options, stream);
}
