import { type Duplex } from 'node:stream';
import { type TlsSettings } from './connectors.js';

export type Connect = () => Promise<Duplex>;

/** What a statement may need from the broker beyond its defaults. A test whose need is missing is skipped by name. */
export interface TargetSettings {
  /** Credentials of every connection that does not try others on purpose. */
  readonly userName?: string;
  readonly password?: string;
  /** Stands before every topic name that the tests use, e.g. `tenant-7/`. Default: nothing. */
  readonly topicPrefix?: string;
  /** The highest QoS that the broker takes, if that is not 2; 5.0 tells it in CONNACK anyway. */
  readonly maximumQos?: 0 | 1;
  /** A topic name that nobody may publish to. */
  readonly deniedPublishTopic?: string;
  /** A well-formed filter that nobody may subscribe to. */
  readonly deniedSubscribeFilter?: string;
  /** The broker knows these two users, and refuses another password of theirs. */
  readonly users?: readonly [Credentials, Credentials];
  /** An Authentication Method that the suites speak. */
  readonly enhancedAuthentication?: Credentials & { readonly method: 'SCRAM-SHA-256' };
  /** Where the broker speaks WebSocket, e.g. `ws://127.0.0.1:8083/mqtt`. */
  readonly webSocketUrl?: string;
  /** True: the broker is set to answer Request Response Information. */
  readonly responseInformation?: true;
  /** Waiting time after an acknowledged PUBLISH before "nothing came" counts, for brokers that route late. Default 0. */
  readonly settleMilliseconds?: number;
}

export interface Credentials {
  readonly userName: string;
  readonly password: string;
}

/** Other faces of the same broker, usually listeners that switch a capability off. */
export interface TargetVariants {
  /** Maximum QoS 0 or 1. */
  readonly lowMaximumQos?: Connect;
  readonly retainUnavailable?: Connect;
  readonly wildcardUnavailable?: Connect;
  readonly sharedUnavailable?: Connect;
  readonly subscriptionIdentifiersUnavailable?: Connect;
  /** Topic Alias Maximum 0, or none. */
  readonly topicAliasUnavailable?: Connect;
  /** Attaches a Reason String and a User Property to every packet that may carry them. Where it is missing, the default face is tried. */
  readonly attachedProperties?: Connect;
  /** Gives a Server Keep Alive of 1 second to everybody who asks for more. */
  readonly serverKeepAlive?: Connect;
}

/** A broker under test. */
export interface Target {
  readonly name: string;
  /** A new transport connection, for the default face of the broker. */
  readonly connect: Connect;
  readonly settings: TargetSettings;
  /** For tests that open a WebSocket of their own at `wss://`. */
  readonly tls?: TlsSettings;
  readonly variants?: TargetVariants;
}

export type Need = keyof TargetSettings | keyof TargetVariants;

/** Whether the target has what a test needs. */
export function meets(target: Target, need: Need): boolean {
  return { ...target.settings, ...target.variants }[need] !== undefined;
}
