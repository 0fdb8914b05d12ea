import { expect } from 'vitest';
import { type Authenticator, type Identity, type Permissions } from '../src/index.js';

export interface Question {
  readonly topicName: string;
  answer(yes: boolean): void;
  fail(): void;
}

/** Rules that know nothing by themselves of most clients: the test answers. */
export class AskedRules implements Authenticator, Permissions {
  readonly name = 'asked';
  readonly questions: Question[] = [];
  version = 0;
  private readonly trusted: readonly string[];

  /** @param trusted client identifiers that may do everything */
  constructor(trusted: readonly string[]) {
    this.trusted = trusted;
  }

  authenticate({ clientId }: { readonly clientId: string }): Promise<{ readonly accepted: Identity }> {
    const everything: Permissions = { mayPublish: () => true, maySubscribe: () => 'allowed', mayReceive: () => true, version: 0 };
    return Promise.resolve({ accepted: { userName: undefined, permissions: this.trusted.includes(clientId) ? everything : this } });
  }
  mayPublish(): 'unknown' {
    return 'unknown';
  }
  maySubscribe(): 'allowed' {
    return 'allowed';
  }
  mayReceive(): boolean {
    return true;
  }
  decidePublish(topicName: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.questions.push({ topicName, answer: resolve, fail: () => reject(new Error('nobody answers')) });
    });
  }

  /** The next question, as soon as it is asked. */
  async asked(): Promise<Question> {
    await expect.poll(() => this.questions.length, { timeout: 5000 }).toBeGreaterThan(0);
    return this.questions.shift()!;
  }
}
