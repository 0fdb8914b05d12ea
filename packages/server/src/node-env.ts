import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { type Env } from '@si-mqtt/session';

/** Time and randomness of this process. Within one read callback the wall clock stands still, which saves a clock read per message. */
export class NodeEnv implements Env {
  private turnTime = 0;

  beginTurn(): void {
    this.turnTime = Date.now();
  }

  endTurn(): void {
    this.turnTime = 0;
  }

  now(): number {
    return this.turnTime === 0 ? Date.now() : this.turnTime;
  }

  monotonic(): number {
    return performance.now();
  }

  random(): number {
    return Math.random();
  }

  async sleep(milliseconds: number, cancelled?: Promise<void>): Promise<void> {
    const controller = new AbortController();
    const timer = delay(milliseconds, undefined, { signal: controller.signal }).catch(() => undefined);
    await Promise.race(cancelled === undefined ? [timer] : [timer, cancelled]);
    controller.abort();
  }
}
