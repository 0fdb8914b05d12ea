import { type ChildProcess } from 'node:child_process';
import { answerOf, type ChildScripts, ended } from './broker-process.js';
import { type BystanderReport } from './child-messages.js';

/** A publisher and a subscriber that do no harm: what they notice of an attack is what everybody would. */
export class Bystanders {
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(scripts: ChildScripts, url: string): Promise<Bystanders> {
    const child = scripts.start('bystander-child', url);
    await answerOf(child);
    return new Bystanders(child);
  }

  /** Ends their traffic. The report is of all messages since the start. */
  async stop(): Promise<BystanderReport> {
    this.child.send('stop');
    const report = await answerOf<BystanderReport>(this.child);
    await this.abandon();
    return report;
  }

  /** Ends them as they are. */
  async abandon(): Promise<void> {
    await ended(this.child);
  }
}
