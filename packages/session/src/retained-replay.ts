import { type Message } from './message.js';
import { type RetainedStore } from './ports/retained-store.js';
import { type Subscription } from './subscription.js';

const pageSize = 100;

/**
 * The retained messages of one new subscription, fetched page by page as the client takes them, so that a hundred thousand of them
 * neither fill memory nor hold up anybody else (broker.md §2).
 */
export class RetainedReplay {
  /** Changes with the access rules, never in its topic filter. */
  subscription: Subscription;
  /** False: SUBACK is held back, and what cannot be held back with it would overtake it. */
  isAnswered = true;
  private readonly store: RetainedStore;
  private readonly fetched: () => void;
  private readonly failed: (error: unknown) => void;
  private page: readonly Message[] = [];
  private index = 0;
  private after: string | undefined = undefined;
  private state: 'ready' | 'fetching' | 'last' = 'ready';
  /** What replaced retained messages while a page was on its way, by topic name. */
  private newer: Map<string, Message> | undefined;

  /** `fetched` is called when a page has arrived that was not there at once. */
  constructor(subscription: Subscription, store: RetainedStore, fetched: () => void, failed: (error: unknown) => void) {
    this.subscription = subscription;
    this.store = store;
    this.fetched = fetched;
    this.failed = failed;
  }

  /** The next message, or why there is none now. `peek` stays where it is until `advance`. */
  peek(): Message | 'fetching' | 'done' {
    for (;;) {
      if (this.index < this.page.length) return this.page[this.index];
      if (this.state === 'last') return 'done';
      if (this.state === 'fetching') return 'fetching';
      const page = this.store.match(this.subscription.topicFilter, this.after, pageSize);
      if (page instanceof Promise) {
        this.state = 'fetching';
        page.then(
          (arrived) => {
            this.turnTo(arrived.messages, arrived.after);
            this.fetched();
          },
          (error: unknown) => {
            this.state = 'last';
            this.failed(error);
          },
        );
        return 'fetching';
      }
      this.turnTo(page.messages, page.after);
    }
  }

  advance(): void {
    this.index++;
  }

  /** The topic has another retained message by now, or none: what waits here must not come after it [MQTT-4.6.0-5]. */
  replace(message: Message): void {
    if (this.state === 'fetching') {
      (this.newer ??= new Map()).set(message.topicName, message.keep());
      return;
    }
    const at = this.page.findIndex(({ topicName }, index) => index >= this.index && topicName === message.topicName);
    if (at >= 0) this.page = message.payloadLength === 0 ? this.page.toSpliced(at, 1) : this.page.with(at, message.keep());
  }

  private turnTo(messages: readonly Message[], after: string | undefined): void {
    this.page = messages;
    this.index = 0;
    this.after = after;
    this.state = after === undefined ? 'last' : 'ready';
    const { newer } = this;
    this.newer = undefined;
    if (newer !== undefined) for (const message of newer.values()) this.replace(message);
  }
}
