import { ReasonCode as Reason, type ReasonCode } from '@si-mqtt/codec';
import { type Message } from '../message.js';
import { type Cluster, type ClusterHost, type ClusterStatus, type InterestChange } from '../ports/cluster.js';

/** A cluster of one: nobody else wants anything. */
export class SingleNode implements Cluster {
  readonly remoteInterest: boolean = false;

  start(_host: ClusterHost): Promise<void> {
    return Promise.resolve();
  }

  publish(_message: Message): Promise<ReasonCode> {
    return Promise.resolve(Reason.noMatchingSubscribers);
  }

  updateInterest(_changes: readonly InterestChange[]): void {}

  status(): ClusterStatus {
    return { ready: true, peers: [] };
  }

  drain(_deadlineSeconds: number): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
