import { RetainedTree } from '@si-mqtt/topics';
import { type Message } from '../message.js';
import { type Env } from '../ports/env.js';
import { type RetainedPage, type RetainedPut, type RetainedStore } from '../ports/retained-store.js';

export interface RetainedLimits {
  readonly retainedMessagesMax: number;
  readonly retainedBytesMax: number;
}

/** Retained messages in memory, bounded in number and bytes. A full store refuses new topics and growth, never deletion. */
export class MemoryRetained implements RetainedStore {
  messages = 0;
  bytes = 0;
  /** Times that a message was not stored because the store was full. */
  refused = 0;
  private readonly tree: RetainedTree<Message> = new RetainedTree();
  private readonly env: Env;
  /** May be replaced at any time; what is stored stays. */
  limits: RetainedLimits;
  private version = 0n;

  constructor(env: Env, limits: RetainedLimits) {
    this.env = env;
    this.limits = limits;
  }

  put(message: Message): RetainedPut {
    const previous = this.tree.get(message.topicName);
    const previousSize = previous?.size ?? 0;
    if (message.payloadLength === 0) {
      if (previous !== undefined) this.remove(previous);
      return { outcome: 'deleted', version: ++this.version };
    }
    const bytes = this.bytes - previousSize + message.size;
    const messages = this.messages + (previous === undefined ? 1 : 0);
    if (
      (messages > this.limits.retainedMessagesMax && previous === undefined) ||
      (bytes > this.limits.retainedBytesMax && bytes > this.bytes)
    ) {
      this.refused++;
      return { outcome: 'full' };
    }
    this.tree.set(message.topicName, message.keep());
    this.messages = messages;
    this.bytes = bytes;
    return { outcome: 'stored', version: ++this.version };
  }

  match(topicFilter: string, after: string | undefined, limit: number): RetainedPage {
    const now = this.env.now();
    const page = this.tree.match(topicFilter, after, limit);
    const messages: Message[] = [];
    for (const [, message] of page.entries) {
      if (message.isExpired(now)) this.remove(message);
      else messages.push(message);
    }
    return { messages, after: page.after };
  }

  private remove(message: Message): void {
    if (this.tree.delete(message.topicName) === undefined) return;
    this.messages--;
    this.bytes -= message.size;
  }
}
