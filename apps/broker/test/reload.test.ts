import { expect, it } from 'vitest';
import { loadConfiguration } from '../src/config.js';
import { type Configuration } from '../src/configuration.js';
import { planReload } from '../src/reload.js';
import { invocationIn } from './load.js';

/** Paths are taken as they are: whether the files exist is decided before. */
const base: Configuration = {
  ...loadConfiguration(undefined, invocationIn(import.meta.dirname)).configuration,
  access: { passwordFile: '/users', aclFile: '/acl' },
};
const tls = {
  certificateFile: '/certificate',
  keyFile: '/key',
  keyPassphrase: 'a',
  certificateAuthorityFile: '/authorities',
  clientCertificate: 'request',
  minimumVersion: 'TLSv1.2',
  serverNames: [{ serverName: 'a.example', certificateFile: '/a', keyFile: '/a-key' }],
} as const;
const { limits, capabilities } = base.listeners[0];
const common = { allowAnonymous: true, proxyProtocol: false, authenticators: ['password'], capabilities, limits } as const;
const network = { hosts: ['127.0.0.1'], port: 1 } as const;
const running: Configuration = {
  ...base,
  responses: { topicPrefix: 'a', reasonStrings: true },
  shared: { strategy: 'roundRobin', rules: [{ filter: '#', strategy: 'random' }] },
  listeners: [
    { ...common, ...network, type: 'secure-websocket', name: 'web', path: '/a', allowedOrigins: ['*'], tls },
    { ...common, type: 'unix', name: 'local', socketPath: '/a', socketMode: 0o600 },
  ],
};

/** The keys that SIGHUP takes over (broker.md §6); every other one needs a restart. */
const taken = new Set([
  'log.level',
  'access.passwordFile',
  'access.aclFile',
  ...Object.keys(running.limits).map((key) => `limits.${key}`),
  ...['web', 'local'].flatMap((name) => [
    `listeners.${name}.authenticators`,
    ...Object.keys(limits).map((key) => `listeners.${name}.limits.${key}`),
  ]),
  ...Object.keys(tls)
    .filter((key) => key !== 'clientCertificate')
    .map((key) => `listeners.web.tls.${key}`),
]);

/** The same value with another one at a single place, for every place. Lists count as one. */
function* changes(value: unknown, path: string): Generator<{ path: string; changed: unknown }> {
  if (typeof value !== 'object' || value === null || (Array.isArray(value) && path !== 'listeners')) {
    yield {
      path,
      changed: Array.isArray(value)
        ? [...(value as unknown[]), 'other']
        : typeof value === 'number'
          ? value === Infinity
            ? 7
            : value + 1
          : 'other',
    };
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    const name = path === 'listeners' ? (inner as { name: string }).name : key;
    for (const change of changes(inner, path === '' ? name : `${path}.${name}`)) {
      const changed = Array.isArray(value) ? (value as unknown[]).with(Number(key), change.changed) : { ...value, [key]: change.changed };
      yield { path: change.path, changed };
    }
  }
}

it('a changed key is taken over or named as one that needs a restart, and nothing else changes', () => {
  // Another name or type is another listener.
  const cases = [...changes(running, '')].filter(({ path }) => !/^listeners\.\w+\.(name|type)$/.test(path));
  expect(cases.length).toBeGreaterThan(80);
  for (const { path, changed } of cases) {
    const { configuration, applied, needRestart } = planReload(running, changed as Configuration);
    expect({ path, applied, needRestart }).toEqual({
      path,
      applied: taken.has(path) ? [path] : [],
      needRestart: taken.has(path) ? [] : [path],
    });
    expect(configuration).toEqual(taken.has(path) ? changed : running);
  }
});

it('files that come or go, listeners that come or go, and another type of listener need a restart', () => {
  const keysOf = (next: Configuration): readonly string[] => planReload(running, next).needRestart;
  expect(keysOf({ ...running, access: {} })).toEqual(['access.passwordFile', 'access.aclFile']);
  expect(planReload({ ...running, access: {} }, running).needRestart).toEqual(['access.passwordFile', 'access.aclFile']);
  expect(keysOf({ ...running, listeners: [running.listeners[0]] })).toEqual(['listeners.local']);
  expect(planReload({ ...running, listeners: [running.listeners[0]] }, running).needRestart).toEqual(['listeners.local']);
  expect(keysOf({ ...running, listeners: [running.listeners[0], { ...common, ...network, type: 'tcp', name: 'local' }] })).toContain(
    'listeners.local.type',
  );
});
