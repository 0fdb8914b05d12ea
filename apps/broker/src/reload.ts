import { isDeepStrictEqual } from 'node:util';
import { type CertificateConfiguration, type Configuration, type ListenerConfiguration } from './configuration.js';

export interface ReloadPlan {
  /** The running configuration with what can change while it runs. */
  readonly configuration: Configuration;
  /** Keys that are taken over, e.g. `limits.queueMessagesMax`. */
  readonly applied: readonly string[];
  /** Keys that differ in the file and need a restart. */
  readonly needRestart: readonly string[];
}

/** Certificates, password and ACL files, log level, limits and authenticators change while the broker runs; everything else waits. */
export function planReload(running: Configuration, next: Configuration): ReloadPlan {
  const configuration: Configuration = {
    ...running,
    limits: next.limits,
    access: next.access,
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
  if (!('tls' in running) || !('tls' in next)) {
    return { ...running, limits, authenticators };
  }
  const { certificateAuthorityFile, serverNames } = next.tls;
  return { ...running, limits, authenticators, tls: { ...running.tls, ...certificateOf(next.tls), certificateAuthorityFile, serverNames } };
}

function certificateOf({ certificateFile, keyFile, keyPassphrase }: CertificateConfiguration): CertificateConfiguration {
  return { certificateFile, keyFile, keyPassphrase };
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
