import { getHeapStatistics } from 'node:v8';
import { type SharedStrategy } from '@si-mqtt/session';
import { type ListenerOptions } from './listeners/listener-options.js';

/** Limits of the node; `Infinity` is "unlimited". Names, units and defaults are those of docs/configuration.md. */
export interface LimitOptions {
  readonly maximumPacketSize: number;
  readonly connectDeadlineSeconds: number;
  readonly keepAliveSecondsMax: number;
  readonly receiveMaximum: number;
  readonly inflightOutMax: number;
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  readonly topicAliasMaximumIn: number;
  readonly topicAliasMaximumOut: number;
  readonly subscriptionsPerClientMax: number;
  readonly filtersPerSubscribeMax: number;
  readonly topicLevelsMax: number;
  readonly propertiesPerPacketMax: number;
  readonly sessionExpirySecondsMax: number;
  readonly persistentSessionExpirySeconds: number;
  readonly messageExpirySecondsMax: number;
  readonly sessionsMax: number;
  readonly connectionsMax: number;
  readonly unauthenticatedConnectionsMax: number;
  readonly unauthenticatedBytesMax: number;
  readonly connectRatePerSecond: number;
  readonly retainedMessagesMax: number;
  readonly retainedBytesMax: number;
  readonly authenticationsMax: number;
  readonly authenticationsWaitingMax: number;
  readonly outgoingBytesPerConnectionMax: number;
  /** Bytes of V8's heap above which nobody new is let in. */
  readonly heapBytesMax: number;
}

export interface CompleteServerOptions {
  readonly listeners: readonly ListenerOptions[];
  readonly limits: LimitOptions;
  readonly queue: { readonly overflow: 'rejectNewest' | 'dropOldest' | 'endSession'; readonly queueQos0Messages: boolean };
  readonly shared: {
    readonly strategy: SharedStrategy;
    readonly rules: readonly { readonly filter: string; readonly strategy: SharedStrategy }[];
  };
  readonly access: { readonly passwordFile?: string; readonly aclFile?: string };
  readonly responses: { readonly topicPrefix?: string; readonly reasonStrings: boolean };
  readonly admin: { readonly enabled: boolean; readonly host: string; readonly port: number };
  readonly life: { readonly filePollSeconds: number };
  readonly sys: { readonly enabled: boolean; readonly intervalSeconds: number };
}

/** A listener with what it must say; the rest has defaults. Tcp on a free port of 127.0.0.1 is `{ type: 'tcp', port: 0 }`. */
export type ListenerWish = { readonly type: ListenerOptions['type'] } & { readonly [Key in keyof ListenerOptions]?: unknown } & Record<
    string,
    unknown
  >;

export interface ServerOptions extends Partial<Omit<CompleteServerOptions, 'listeners' | 'limits' | 'responses'>> {
  readonly listeners?: readonly (ListenerOptions | ListenerWish)[];
  readonly limits?: Partial<LimitOptions>;
  readonly responses?: Partial<CompleteServerOptions['responses']>;
}

export const defaultLimits: LimitOptions = {
  maximumPacketSize: 1024 * 1024,
  connectDeadlineSeconds: 10,
  keepAliveSecondsMax: Infinity,
  receiveMaximum: 100,
  inflightOutMax: 100,
  queueMessagesMax: 10_000,
  queueBytesMax: 16 * 1024 * 1024,
  topicAliasMaximumIn: 16,
  topicAliasMaximumOut: 16,
  subscriptionsPerClientMax: 1000,
  filtersPerSubscribeMax: 100,
  topicLevelsMax: 64,
  propertiesPerPacketMax: 100,
  sessionExpirySecondsMax: 30 * 86_400,
  persistentSessionExpirySeconds: 7 * 86_400,
  messageExpirySecondsMax: Infinity,
  sessionsMax: 1_000_000,
  connectionsMax: 100_000,
  unauthenticatedConnectionsMax: 20_000,
  unauthenticatedBytesMax: 64 * 1024 * 1024,
  connectRatePerSecond: 5000,
  retainedMessagesMax: 1_000_000,
  retainedBytesMax: 256 * 1024 * 1024,
  authenticationsMax: 4,
  authenticationsWaitingMax: 10_000,
  outgoingBytesPerConnectionMax: 1024 * 1024,
  heapBytesMax: Math.floor(getHeapStatistics().heap_size_limit * 0.85),
};

/** Fills in every default, the listeners' own included. */
export function completeOptions(options: ServerOptions): CompleteServerOptions {
  const limits: LimitOptions = { ...defaultLimits, ...options.limits };
  return {
    limits,
    listeners: (options.listeners ?? [{ type: 'tcp', port: 0 }]).map((listener, index) =>
      completeListener(listener, index, limits, options),
    ),
    queue: { overflow: 'rejectNewest', queueQos0Messages: false, ...options.queue },
    shared: { strategy: 'roundRobin', rules: [], ...options.shared },
    access: options.access ?? {},
    responses: { reasonStrings: true, ...options.responses },
    admin: options.admin ?? { enabled: false, host: '127.0.0.1', port: 0 },
    life: { filePollSeconds: 5, ...options.life },
    sys: { enabled: true, intervalSeconds: 10, ...options.sys },
  };
}

function completeListener(
  wish: ListenerOptions | ListenerWish,
  index: number,
  limits: LimitOptions,
  options: ServerOptions,
): ListenerOptions {
  const given = wish as Partial<ListenerOptions> & Record<string, unknown>;
  const hosts = (given['hosts'] as readonly string[] | undefined) ?? ['127.0.0.1'];
  const isLocal = wish.type === 'unix' || hosts.every((host) => host === 'localhost' || host === '::1' || host.startsWith('127.'));
  const hasPasswords = options.access?.passwordFile !== undefined;
  const complete: Record<string, unknown> = {
    name: `${wish.type}-${index}`,
    hosts,
    port: 0,
    // Never implied where a proxy stands in front: then every client looks local.
    allowAnonymous: isLocal && given.proxyProtocol !== true,
    proxyProtocol: false,
    authenticators: hasPasswords ? ['password', 'scram'] : [],
    path: '/mqtt',
    allowedOrigins: ['loopback'],
    socketMode: 0o660,
    ...given,
    ...(given['tls'] === undefined
      ? {}
      : { tls: { clientCertificate: 'none', minimumVersion: 'TLSv1.2', serverNames: [], ...(given['tls'] as object) } }),
    capabilities: {
      maximumQos: 2,
      retainAvailable: true,
      wildcardSubscriptionAvailable: true,
      sharedSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: true,
      ...given.capabilities,
    },
    limits: {
      maximumPacketSize: limits.maximumPacketSize,
      connectDeadlineSeconds: limits.connectDeadlineSeconds,
      connectionsMax: Infinity,
      connectRatePerSecond: Infinity,
      keepAliveSecondsMax: limits.keepAliveSecondsMax,
      ...given.limits,
    },
  };
  return complete as unknown as ListenerOptions;
}
