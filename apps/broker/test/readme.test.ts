import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Configuration } from '../src/configuration.js';
import { load, problemsIn } from './load.js';

const textAt = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it("README's configuration is valid; a wrong passphrase and a key of another certificate are not", () => {
  const toml = /```toml\n([\s\S]+?)```/.exec(textAt('../README.md'))?.[1] ?? '';
  const loadWith = (key: string, passphrase: string): Configuration => {
    const files = { users: '', acl: '', 'certificate.pem': textAt('fixtures/certificate.pem'), 'key.pem': textAt(`fixtures/${key}`) };
    return load(toml, files, { SI_KEY_PASSPHRASE: passphrase }).configuration;
  };
  expect(loadWith('key.pem', 'secret')).toMatchObject({
    listeners: [
      { name: 'local', allowAnonymous: true, authenticators: ['password', 'scram'] },
      { name: 'internet', allowAnonymous: false, port: 8883, limits: { connectionsMax: 10_000 }, tls: { clientCertificate: 'none' } },
    ],
  });
  const unusable = /^c\.toml:16:1: TLS cannot use the certificate, key and authorities, .+: use PEM files that belong together$/;
  expect(problemsIn(() => loadWith('key.pem', 'a wrong one'))).toEqual([expect.stringMatching(unusable)]);
  expect(problemsIn(() => loadWith('key.pem', 'a wrong one')).join()).not.toContain('a wrong one');
  expect(problemsIn(() => loadWith('other-key.pem', 'secret'))).toEqual([expect.stringMatching(/mismatch/)]);
});
