import { type Message } from '../message.js';

/** Grows with every change of one topic; 0n for what was refused. */
export type RetainedVersion = bigint;

export type RetainedPut = { readonly outcome: 'stored' | 'deleted'; readonly version: RetainedVersion } | { readonly outcome: 'full' };

export interface RetainedPage {
  readonly messages: readonly Message[];
  /** Where the next page begins; undefined: this was the last one. */
  readonly after: string | undefined;
}

/**
 * The retained messages of a node or cluster. A store that works in memory answers at once, one with a database by promise.
 *
 * Ordering: puts of one topic take effect in the order of the calls. Durability: a put that was answered survives what the store promises.
 * Idempotence: putting the same message again changes nothing but the version.
 */
export interface RetainedStore {
  /** Replaces the topic's message; an empty payload deletes it [MQTT-3.3.1-6]. The message is kept (copied out of the read chunk) by the store. */
  put(message: Message): RetainedPut | Promise<RetainedPut>;
  /**
   * Up to `limit` messages whose topics match, after the continuation of an earlier page. Messages that are there during the whole walk
   * come exactly once; expired ones never.
   */
  match(topicFilter: string, after: string | undefined, limit: number): RetainedPage | Promise<RetainedPage>;
  readonly messages: number;
  readonly bytes: number;
}
