import { type ReasonCode } from '@si-mqtt/codec';
import { type Message } from '../message.js';

/** The first or the last local subscription of a filter (and share) came or went. */
export interface InterestChange {
  readonly change: 'added' | 'removed';
  readonly topicFilter: string;
  readonly shareName: string | undefined;
}

export interface ClusterStatus {
  /** False: the node must not take clients (its readiness is red). */
  readonly ready: boolean;
  readonly peers: readonly { readonly nodeId: string; readonly connected: boolean; readonly lagMilliseconds: number }[];
}

/** What a cluster asks of its node. */
export interface ClusterHost {
  /** Delivers to local sessions what another node published; never forwarded again. */
  deliver(messages: readonly Message[]): void;
  /** Another node took the client over: its connection ends with 0x8E, and the promise resolves when nothing of it is under way any more. */
  handOver(clientId: string): Promise<void>;
}

/**
 * The other nodes. The server matches its own subscribers itself and calls `publish` only while `remoteInterest` is true; so a single
 * node pays nothing.
 */
export interface Cluster {
  /** False: no other node can want a message now. */
  readonly remoteInterest: boolean;
  start(host: ClusterHost): Promise<void>;
  /** Forwards to the nodes that want it. Resolves, with the reason code for the publisher, when the promise for the message's QoS holds. */
  publish(message: Message): Promise<ReasonCode>;
  /** Resolves when all nodes that could publish know; SUBACK waits for it. */
  updateInterest(changes: readonly InterestChange[]): void | Promise<void>;
  status(): ClusterStatus;
  /** Stops taking work and finishes what was begun, in at most that many seconds. */
  drain(deadlineSeconds: number): Promise<void>;
  stop(): Promise<void>;
}
