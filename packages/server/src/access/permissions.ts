/** `'unknown'` means that the answer is not in memory: ask the asynchronous method of the same purpose. */
export type Decision = boolean | 'unknown';

/** `'partly'`: some topics that the filter matches may be received and others not, so each topic is asked for with `mayReceive`. */
export type SubscribeDecision = 'allowed' | 'refused' | 'partly';

/**
 * What one connection may do. The synchronous methods answer from memory and never throw; names and filters were checked by the codec,
 * topic aliases are resolved, and the `$share/{ShareName}/` of a filter is taken off by the caller.
 */
export interface Permissions {
  /** Asked for each PUBLISH whose topic name is not in the caller's cache, and for a will at CONNECT and again when it is sent. */
  mayPublish(topicName: string, qos: number, retain: boolean): Decision;
  maySubscribe(topicFilter: string): SubscribeDecision | 'unknown';
  /** Asked once per topic name, and only under filters that are allowed partly; the caller caches the answer until `version` changes. */
  mayReceive(topicName: string): boolean;
  /** Required of implementations whose `mayPublish` can be unknown. The caller keeps the answer for 30 seconds, unless `version` changes. */
  decidePublish?(topicName: string): Promise<boolean>;
  /** Required of implementations whose `maySubscribe` can be unknown. */
  decideSubscribe?(topicFilter: string): Promise<SubscribeDecision>;
  /** Another number than before means that the rules changed: every cached answer ends, existing subscriptions are asked for again. */
  readonly version: number;
}

/** For brokers without access rules: everybody may do everything. */
export const allowAll: Permissions = {
  mayPublish: () => true,
  maySubscribe: () => 'allowed',
  mayReceive: () => true,
  version: 0,
};

/** Where authenticators get the permissions of those whom they accept. */
export interface AccessRules {
  /** `clientId` is the one that the session has: an assigned client identifier is assigned before authentication. */
  permissionsFor(userName: string | undefined, clientId: string): Permissions;
}

/** No access rules: `allowAll` for everybody. */
export const unrestricted: AccessRules = { permissionsFor: () => allowAll };
