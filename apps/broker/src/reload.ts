import { isDeepStrictEqual } from 'node:util';
import { type Configuration, type ListenerConfiguration } from './configuration.js';

export interface ReloadPlan {
  /** The running configuration with what can change while it runs. */
  readonly configuration: Configuration;
  /** Keys that are taken over, e.g. `limits.queueMessagesMax`. */
  readonly applied: readonly string[];
  /** Keys that differ in the file and need a restart. */
  readonly needRestart: readonly string[];
}

/**
 * Log level, limits, authenticators, certificates, and the password and ACL file change while the broker runs: what is in the files, and which
 * files they are. Everything else waits, also whether there is a password or ACL file at all.
 */
export function planReload(running: Configuration, next: Configuration): ReloadPlan {
  const configuration: Configuration = {
    ...running,
    limits: next.limits,
    access: {
      ...(running.access.passwordFile === undefined ? {} : { passwordFile: next.access.passwordFile ?? running.access.passwordFile }),
      ...(running.access.aclFile === undefined ? {} : { aclFile: next.access.aclFile ?? running.access.aclFile }),
    },
    log: { ...running.log, level: next.log.level },
    listeners: running.listeners.map((listener) => reloadedListener(listener, next.listeners)),
  };
  return {
    configuration,
    applied: differences(byName(running), byName(configuration)),
    needRestart: differences(byName(configuration), byName(next)),
  };
}

function reloadedListener(running: ListenerConfiguration, candidates: readonly ListenerConfiguration[]): ListenerConfiguration {
  const next = candidates.find(({ name, type }) => name === running.name && type === running.type);
  if (next === undefined) {
    return running;
  }
  const { limits, authenticators } = next;
  if (!('tls' in running && 'tls' in next)) {
    return { ...running, limits, authenticators };
  }
  // Node cannot ask the clients of a listener for certificates from some moment on.
  const { clientCertificate } = running.tls;
  return { ...running, limits, authenticators, tls: { ...next.tls, clientCertificate } };
}

/** Listeners are the same if their names are, wherever they stand in the file. */
function byName({ listeners, ...rest }: Configuration): Record<string, unknown> {
  return { ...rest, listeners: Object.fromEntries(listeners.map((listener) => [listener.name, listener])) };
}

function differences(before: unknown, after: unknown, path = ''): string[] {
  if (isDeepStrictEqual(before, after)) {
    return [];
  }
  if (!isTable(before) || !isTable(after)) {
    return [path];
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differences(before[key], after[key], path === '' ? key : `${path}.${key}`));
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
