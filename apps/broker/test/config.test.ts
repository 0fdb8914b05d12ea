import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultLimits } from '@si-mqtt/server';
import { describe, expect, it } from 'vitest';
import { loadConfiguration } from '../src/config.js';
import { folderWith, invocationIn, load, problemsIn } from './load.js';

const deep = (count: number): string => `a = ${'['.repeat(count)}${']'.repeat(count)}`;

/** Text of `c.toml` and every line that is reported for it. */
const faults: readonly (readonly [name: string, toml: string, ...lines: readonly (string | RegExp)[]])[] = [
  ['unknown table', '[lmits]\n', 'c.toml:1:1: unknown key "lmits": did you mean "limits"?'],
  ['unknown key', '[limits]\n  reciveMaximum = 5\n', 'c.toml:2:3: unknown key "reciveMaximum" in limits: did you mean "receiveMaximum"?'],
  [
    'key with another spelling',
    '[limits]\nreceive_maximum = 5\n',
    'c.toml:2:1: unknown key "receive_maximum" in limits: did you mean "receiveMaximum"?',
  ],
  ['key of another table', 'passwordFile = "p"\n', 'c.toml:1:1: unknown key "passwordFile": it belongs to [access]'],
  ['key that is nowhere', '[log]\nzzz = 1\n', 'c.toml:2:1: unknown key "zzz" in log: remove it, or write one of level, format'],
  ['dotted unknown key', 'log.zzz = 1\n', 'c.toml:1:5: unknown key "zzz" in log: remove it, or write one of level, format'],
  ['wrong type, string', '[log]\nlevel = 5\n', /^c\.toml:2:1: log\.level has a wrong value: write one of "trace", /],
  ['wrong choice', '[log]\nlevel = "wran"\n', /^c\.toml:2:1: log\.level .*; did you mean "warn"\?$/],
  ['wrong type, table', 'log = 3\n', 'c.toml:1:1: log has a wrong value: write a table'],
  ['wrong type, boolean', '[admin]\nenabled = "yes"\n', 'c.toml:2:1: admin.enabled has a wrong value: write true or false'],
  [
    'a server as the store without a URL',
    '[storage]\ndriver = "mongodb"\n',
    'c.toml:2:1: "mongodb" needs a database: write storage.url, as mongodb://user:password@host/database',
  ],
  [
    'URLs of another kind of database, and without a database',
    '[storage]\ndriver = "mysql"\nwriteUrls = [\n  "mongodb://h/d",\n  "mysql://h/",\n]\nreadUrls = ["mysql+srv://h/d"]\n',
    /^c\.toml:4:3: not the URL of a mysql database: write mysql:\/\/user:password@host\/database$/,
    /^c\.toml:5:3: not the URL of a mysql database/,
    /^c\.toml:7:13: not the URL of a mysql database/,
  ],
  [
    'two keys for one database',
    '[storage]\ndriver = "mysql"\nurl = "mysql://h/d"\nwriteUrls = ["mysql://h/d"]\n',
    'c.toml:4:1: the database has two keys: write storage.url, or storage.writeUrls for several addresses',
  ],
  [
    'several URLs of MongoDB',
    '[storage]\ndriver = "mongodb"\nwriteUrls = ["mongodb://h/d", "mongodb://i/d"]\n',
    /^c\.toml:3:31: a MongoDB replica set has one URL: write all its members into it, as mongodb:\/\/host1,host2\/database$/,
  ],
  [
    'a URL without a server',
    '[storage]\nurl = "mysql://h/d"\n',
    'c.toml:2:1: storage.driver = "sqlite" has no server: remove the URL, or write "mysql" or "mongodb" as the driver',
  ],
  [
    'one connection to the database',
    '[storage]\npool = 1\n',
    'c.toml:2:1: storage.pool has a wrong value: write a whole number from 2 to 1000',
  ],
  [
    'a certificate for the database without a key',
    '[storage]\ncertificateFile = "c.toml"\n',
    'c.toml:2:1: a certificate is of no use without its private key: write storage.keyFile',
  ],
  [
    'a key for the database without a certificate',
    '[storage]\nkeyFile = "c.toml"\n',
    'c.toml:2:1: a private key is of no use without its certificate: write storage.certificateFile',
  ],
  [
    'a certificate for the database that is none',
    '[storage]\ncertificateFile = "c.toml"\nkeyFile = "c.toml"\n',
    /^c\.toml:2:1: TLS cannot use the certificate, key and authorities, .*: use PEM files that belong together$/,
  ],
  ['zero', '[limits]\nreceiveMaximum = 0\n', 'c.toml:2:1: limits.receiveMaximum has a wrong value: write a whole number from 1 to 65535'],
  [
    'zero where unlimited is a word',
    '[limits]\nqueueMessagesMax = 0\n',
    'c.toml:2:1: limits.queueMessagesMax has a wrong value: write a whole number, at least 1, or "unlimited"',
  ],
  ['fraction', '[limits]\nreceiveMaximum = 1.5\n', /^c\.toml:2:1: .* whole number from 1 to 65535$/],
  ['nan', '[limits]\nreceiveMaximum = nan\n', /^c\.toml:2:1: .* whole number from 1 to 65535$/],
  ['inf', '[limits]\nqueueBytesMax = inf\n', /^c\.toml:2:1: .* or "unlimited"$/],
  ['beyond 2^53', '[limits]\nsessionsMax = 9223372036854775807\n', /^c\.toml:2:1: .* or "unlimited"$/],
  ['date', '[log]\nlevel = 2020-01-01\n', /^c\.toml:2:1: log\.level has a wrong value/],
  [
    'three at once, in order',
    '[sys]\nintervalSeconds = 0\n[log]\nformat = 1\nlevl = "info"\n',
    /^c\.toml:2:1/,
    /^c\.toml:4:1/,
    'c.toml:5:1: unknown key "levl" in log: did you mean "level"?',
  ],
  ['no listener', 'listeners = []\n', 'c.toml:1:1: listeners has a wrong value: write at least 1 of them, or leave the key out'],
  [
    'listener without a name',
    '\n[[listeners]]\ntype = "tcp"\n',
    'c.toml:2:1: the key "name" is missing in listeners[0]: add it (Name in logs and metrics)',
  ],
  ['listener without a type', '[[listeners]]\nname = "a"\n', /^c\.toml:1:1: the key "type" is missing in listeners\[0\]: add it \("tcp", /],
  [
    'listener of an unknown type',
    '[[listeners]]\nname = "a"\ntype = "websockets"\n',
    /^c\.toml:3:1: listeners\[0\]\.type .*did you mean "websocket"\?$/,
  ],
  [
    'key of another type of listener',
    '[[listeners]]\nname = "a"\ntype = "tcp"\nsocketPath = "x"\n',
    /^c\.toml:4:1: unknown key "socketPath" in a listener of type "tcp": it belongs to \[\[listeners\]\]/,
  ],
  [
    'TLS without a certificate',
    '[[listeners]]\nname = "a"\ntype = "tls"\n',
    /^c\.toml:1:1: the key "tls" is missing in listeners\[0\]: add it \(Certificate/,
  ],
  [
    'TLS without a key',
    '[[listeners]]\nname = "a"\ntype = "tls"\n[listeners.tls]\ncertificateFile = "x"\n',
    /^c\.toml:4:1: the key "keyFile" is missing in listeners\[0\]\.tls: add it/,
  ],
  [
    'certificate files that are missing',
    '[[listeners]]\nname = "a"\ntype = "tls"\ntls.certificateFile = "no.pem"\ntls.keyFile = "none/no.key"\n',
    /^c\.toml:4:5: cannot read \/.*no\.pem, it does not exist: create it, or correct the path$/,
    /^c\.toml:5:5: cannot read \/.*no\.key, it does not exist: create it, or correct the path$/,
  ],
  [
    'certificate that is none',
    '[[listeners]]\nname = "a"\ntype = "tls"\n[listeners.tls]\ncertificateFile = "c.toml"\nkeyFile = "c.toml"\n',
    /^c\.toml:5:1: TLS cannot use the certificate, key and authorities, .*: use PEM files that belong together$/,
  ],
  [
    'password file that is missing',
    '[access]\npasswordFile = "users"\n',
    /^c\.toml:2:1: cannot read \/.*\/users, it does not exist: write users to it with "si-mqtt passwd"$/,
  ],
  ['ACL file that is a folder', '[access]\naclFile = "."\n', /^c\.toml:2:1: cannot read \/.*, it is not a file: /],
  [
    'two listeners with one name',
    '[[listeners]]\nname = "a"\ntype = "tcp"\n[[listeners]]\nname = "a"\ntype = "websocket"\n',
    'c.toml:5:1: two listeners have the name "a": rename one of them',
  ],
  [
    'two listeners at one address',
    '[[listeners]]\nname = "a"\ntype = "tcp"\n[[listeners]]\nname = "b"\ntype = "websocket"\nhosts = ["127.0.0.1"]\nport = 1883\n',
    'c.toml:8:1: 127.0.0.1:1883 is also an address of the listener "a": give one of them another port',
  ],
  [
    'an address that another one covers',
    '[[listeners]]\nname = "a"\ntype = "tcp"\nhosts = ["::"]\nallowAnonymous = true\n[admin]\nport = 1883\n',
    'c.toml:7:1: 127.0.0.1:1883 is also an address of the listener "a": give one of them another port',
  ],
  [
    'nobody could connect',
    '[[listeners]]\nname = "a"\ntype = "tcp"\nhosts = ["0.0.0.0"]\n',
    /^c\.toml:1:1: nobody could connect to the listener "a": set access\.passwordFile/,
  ],
  [
    'nobody could connect through PROXY',
    '[[listeners]]\nname = "a"\ntype = "tcp"\nproxyProtocol = true\n',
    /^c\.toml:1:1: nobody could connect/,
  ],
  [
    'password without a file',
    '[[listeners]]\nname = "a"\ntype = "tcp"\nauthenticators = ["password"]\n',
    'c.toml:4:1: there are no passwords to check: set access.passwordFile',
  ],
  [
    'certificate without TLS',
    '[[listeners]]\nname = "a"\ntype = "tcp"\nauthenticators = ["certificate"]\n',
    /^c\.toml:4:1: a listener of type "tcp" sees no certificates: /,
  ],
  [
    'unknown authenticator',
    '[[listeners]]\nname = "a"\ntype = "tcp"\nauthenticators = ["pasword"]\n',
    /^c\.toml:4:19: listeners\[0\]\.authenticators\[0\] .*did you mean "password"\?$/,
  ],
  [
    'origin with a path',
    '[[listeners]]\nname = "a"\ntype = "websocket"\nallowedOrigins = ["loopback", "https://a.example/"]\n',
    /^c\.toml:4:31: .*write an origin such as/,
  ],
  [
    'host with a port',
    '[[listeners]]\nname = "a"\ntype = "tcp"\nhosts = ["[::1]:1883"]\n',
    /^c\.toml:4:10: .*write an IP address or a host name/,
  ],
  [
    'socket path that is too long',
    `[[listeners]]\nname = "a"\ntype = "unix"\nsocketPath = "${'x'.repeat(120)}"\n`,
    /^c\.toml:4:1: .*at most 107 bytes$/,
  ],
  [
    'topic filter that is none',
    '[[shared.rules]]\nfilter = "a/#/b"\nstrategy = "topic"\n',
    /^c\.toml:2:1: shared\.rules\[0\]\.filter has a wrong value: write a topic filter/,
  ],
  [
    'variable that is not set',
    '[access]\npasswordFile = { env = "SI_TEST_NONE" }\n',
    'c.toml:2:1: the environment variable "SI_TEST_NONE" is not set: set it, or write the text itself',
  ],
  [
    'file of a string that is missing',
    '[access]\npasswordFile = { file = "nowhere" }\n',
    /^c\.toml:2:1: cannot read \/.*nowhere, it does not exist: correct the path, or write the text itself$/,
  ],
  [
    'reference in place of a number',
    '[admin]\nport = { env = "SI_TEST" }\n',
    'c.toml:2:1: admin.port has a wrong value: write a whole number from 0 to 65535',
  ],
  [
    'key twice',
    '[log]\nlevel = "info"\nlevel = "warn"\n',
    'c.toml:3:1: not valid TOML, defining a key multiple times is invalid: remove one of them',
  ],
  ['table twice', '[log]\n[sys]\n[log]\n', 'c.toml:3:2: not valid TOML, defining a key multiple times is invalid: remove one of them'],
  ['string without an end', '[log]\nlevel = "info\n', /^c\.toml:2:\d+: not valid TOML, /],
  ['value is missing', '[log]\nlevel =\n', /^c\.toml:[23]:\d+: not valid TOML, /],
  ['__proto__', '__proto__ = 1\n', /^c\.toml:1:1: unknown key "__proto__"/],
  ['__proto__ as a table', '[__proto__]\nlog = 1\n', /^c\.toml:1:1: unknown key "__proto__"/],
  ['__proto__ within', '[log]\n__proto__.level = "x"\n', /^c\.toml:2:1: unknown key "__proto__" in log/],
  ['constructor', '[constructor.prototype]\nx = 1\n', /^c\.toml:1:1: unknown key "constructor"/],
  ['nesting of 100', deep(100), /^c\.toml:1:\d+: values are nested too deeply: write a flat file$/],
  ['nesting of 200,000', deep(200_000), /^c\.toml:1:\d+: .*nested too deeply: write a flat file$/],
  [
    'inline tables in each other',
    `a = ${'{a = '.repeat(5000)}1${'}'.repeat(5000)}`,
    /^c\.toml:1:\d+: .*nested too deeply: write a flat file$/,
  ],
  ['dotted key of 5,000 parts', `${'a.'.repeat(5000)}a = 1`, /^c\.toml:1:1: keys are nested too deeply: write a flat file$/],
  [
    'more than 1 MiB',
    '#'.repeat(1024 * 1024 + 1),
    'c.toml:1:1: cannot read the configuration file, it is larger than 1048576 bytes: mend it, or name another one with --config',
  ],
];

describe('a faulty file is one line for each mistake', () => {
  it.each(faults.map(([name, ...rest]) => ({ name, rest })))('$name', ({ rest: [toml, ...lines] }) => {
    const reported = problemsIn(() => load(toml, {}, { SI_TEST: '5' }));
    expect(reported).toEqual(lines.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))));
  });

  it('text that is not UTF-8', () => {
    const folder = folderWith({});
    writeFileSync(join(folder, 'c.toml'), Buffer.from([0x61, 0xff]));
    expect(problemsIn(() => loadConfiguration('c.toml', invocationIn(folder)))[0]).toContain('it is not UTF-8 text');
  });

  it('never shows a value that may be a secret', () => {
    const secret = 'correct horse battery staple';
    const lines = problemsIn(() => load('[log]\nlevel = { env = "S" }\n[responses]\ntopicPrefix = "#correct horse"\n', {}, { S: secret }));
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain('correct');
  });

  it('a key cannot write lines of its own', () => {
    const lines = problemsIn(() => load('"a\\nforged\\u001b[2J" = 1\n'));
    expect(lines).toEqual([expect.stringMatching(/^c\.toml:1:1: unknown key "a forged \[2J"/)]);
  });
});

describe('a valid file', () => {
  it('an empty one is the built-in defaults', () => {
    const none = loadConfiguration(undefined, invocationIn(folderWith({})));
    expect(none.file).toBeUndefined();
    const { storage, ...rest } = none.configuration;
    // Each folder has a database of its own.
    const path = expect.stringMatching(/\/data\/si-mqtt\.db$/) as string;
    const expected = { ...rest, storage: { ...storage, path } };
    expect(load('# nothing\n').configuration).toEqual(expected);
    expect(load('\uFEFF[log]\r\nlevel = "info"\r\n').configuration).toEqual(expected);
  });

  it('its defaults are those of the library', () => {
    const { limits } = load('').configuration;
    expect(limits).toEqual(defaultLimits);
  });

  it('a server as the store has one URL or several', () => {
    const storageOf = (toml: string) => load(`[storage]\n${toml}`).configuration.storage;
    const url = 'mysql://u:p@h/d';
    expect(storageOf(`driver = "mysql"\nurl = "${url}"\n`)).toMatchObject({ driver: 'mysql', writeUrls: [url], readUrls: [], pool: 4 });
    expect(storageOf(`driver = "mysql"\nwriteUrls = ["${url}"]\n`)).toMatchObject({ writeUrls: [url] });
    const several = storageOf(`driver = "mysql"\nwriteUrls = ["${url}", "mysql://i/d"]\nreadUrls = ["mysql://r/d"]\npool = 8\n`);
    expect(several).toMatchObject({ writeUrls: [url, 'mysql://i/d'], readUrls: ['mysql://r/d'], pool: 8 });
    expect(storageOf('driver = "mongodb"\nurl = "mongodb+srv://h/d?tls=true"\n')).toMatchObject({ driver: 'mongodb', tls: false });
    expect(load('').configuration.storage.writeUrls).toEqual([]);
  });

  it('the built-in defaults serve loopback only, TCP 1883 and WebSocket 8083, admin 9883', () => {
    const { listeners, admin, limits } = load('').configuration;
    expect(
      listeners.map((listener) => [listener.type, 'port' in listener && listener.port, listener.allowAnonymous, listener.authenticators]),
    ).toEqual([
      ['tcp', 1883, true, []],
      ['websocket', 8083, true, []],
    ]);
    for (const listener of listeners) {
      expect('hosts' in listener && ['127.0.0.1', '::1']).toEqual(expect.arrayContaining('hosts' in listener ? [...listener.hosts] : []));
    }
    expect(admin).toEqual({ enabled: true, host: '127.0.0.1', port: 9883 });
    expect(limits).toMatchObject({
      maximumPacketSize: 1_048_576,
      connectDeadlineSeconds: 10,
      receiveMaximum: 100,
      inflightOutMax: 100,
      queueMessagesMax: 10_000,
      queueBytesMax: 16_777_216,
      topicAliasMaximumIn: 16,
      topicAliasMaximumOut: 16,
      subscriptionsPerClientMax: 1000,
      filtersPerSubscribeMax: 100,
      topicLevelsMax: 64,
      propertiesPerPacketMax: 100,
      sessionExpirySecondsMax: 30 * 86_400,
      persistentSessionExpirySeconds: 7 * 86_400,
    });
    expect(limits.heapBytesMax).toBeGreaterThan(50_000_000);
  });

  it.each([
    ['hosts = ["127.0.0.1"]', true],
    ['hosts = ["127.9.9.9", "::1", "localhost"]', true],
    ['hosts = ["::ffff:127.0.0.1"]', true],
    ['hosts = ["127.0.0.1"]\nallowAnonymous = false', false],
    ['hosts = ["127.0.0.1"]\nproxyProtocol = true', false],
    ['hosts = ["127.0.0.1"]\nproxyProtocol = true\nallowAnonymous = true', true],
    ['hosts = ["127.0.0.1", "192.0.2.1"]', false],
    ['hosts = ["::"]', false],
    ['hosts = ["127.example.com"]', false],
    ['hosts = ["192.0.2.1"]\nallowAnonymous = true', true],
  ])('anonymous clients at %s: %s', (rule, expected) => {
    const { listeners } = load(`[access]\npasswordFile = "p"\n[[listeners]]\nname = "a"\ntype = "tcp"\n${rule}\n`, { p: '' }).configuration;
    expect(listeners[0].allowAnonymous).toBe(expected);
    expect(listeners[0].authenticators).toEqual(['password', 'scram']);
  });

  it('anonymous clients at a Unix socket, but not behind PROXY', () => {
    const at = (rule: string): boolean =>
      load(`[access]\npasswordFile = "p"\n[[listeners]]\nname = "a"\ntype = "unix"\nsocketPath = "s"\nsocketMode = 0o600\n${rule}`, {
        p: '',
      }).configuration.listeners[0].allowAnonymous;
    expect(at('')).toBe(true);
    expect(at('proxyProtocol = true')).toBe(false);
  });

  it('a listener takes the limits of the node unless it has its own', () => {
    const { listeners } = load(
      '[limits]\nmaximumPacketSize = 5000\nkeepAliveSecondsMax = 60\n[[listeners]]\nname = "a"\ntype = "tcp"\nlimits.keepAliveSecondsMax = "unlimited"\nlimits.connectionsMax = 7\n',
    ).configuration;
    expect(listeners[0].limits).toEqual({
      maximumPacketSize: 5000,
      connectDeadlineSeconds: 10,
      keepAliveSecondsMax: Number.POSITIVE_INFINITY,
      connectionsMax: 7,
      connectRatePerSecond: Number.POSITIVE_INFINITY,
    });
  });

  it('a 3.x session is not kept for longer than any session', () => {
    expect(load('[limits]\nsessionExpirySecondsMax = 60\n').configuration.limits.persistentSessionExpirySeconds).toBe(60);
  });

  it('strings come from the environment and from files, paths are relative to the file', () => {
    const loaded = load(
      '[access]\npasswordFile = { env = "SI_TEST_USERS" }\naclFile = "sub/acl"\n[responses]\ntopicPrefix = { file = "sub/prefix" }\n[log.level]\nenv = "LEVEL"\n',
      { 'sub/acl': '', users: '', 'sub/prefix': 'answers/%c\n' },
      { SI_TEST_USERS: 'users', LEVEL: 'warn' },
    );
    expect(loaded.configuration.responses.topicPrefix).toBe('answers/%c');
    expect(loaded.configuration.log.level).toBe('warn');
    expect(loaded.configuration.access.passwordFile).toMatch(/^\/.*\/users$/);
    expect(loaded.configuration.access.aclFile).toMatch(/^\/.*\/sub\/acl$/);
    expect(loaded.locate(['responses', 'topicPrefix'])).toBe('c.toml:5:1');
    expect(loaded.locate(['log', 'format'])).toBe('c.toml:6:1');
  });

  it('the database stays under the working folder, wherever the file is', () => {
    const folder = folderWith({ 'etc/c.toml': '', 'etc/d.toml': '[storage]\npath = "mine.db"\n' });
    const pathWith = (named?: string) => loadConfiguration(named, invocationIn(folder)).configuration.storage.path;
    expect([pathWith(), pathWith('etc/c.toml'), pathWith('etc/d.toml')]).toEqual(
      ['data/si-mqtt.db', 'data/si-mqtt.db', 'mine.db'].map((path) => join(folder, path)),
    );
  });

  it('several listeners in every way of writing', () => {
    const { listeners } = load(
      'listeners = [{ name = "a", type = "tcp", port = 0 }, { name = "b", type = "tcp", port = 0 }]\n',
    ).configuration;
    expect(listeners.map(({ name }) => name)).toEqual(['a', 'b']);
  });
});

describe('order of sources', () => {
  const level = (text: string): string => `[log]\nlevel = "${text}"\n`;
  const files = { 'named.toml': level('warn'), 'env.toml': level('error'), 'config/config.toml': level('debug') };

  it('--config, then SI_CFG_PATH, then config/config.toml, then the built-in defaults', () => {
    const folder = folderWith(files);
    const from = (named: string | undefined, environment: Record<string, string>): string =>
      loadConfiguration(named, invocationIn(folder, environment)).configuration.log.level;
    expect(from('named.toml', { SI_CFG_PATH: 'env.toml' })).toBe('warn');
    expect(from(undefined, { SI_CFG_PATH: 'env.toml' })).toBe('error');
    expect(from(undefined, {})).toBe('debug');
    expect(from(undefined, { SI_CFG_PATH: '' })).toBe('debug');
    expect(loadConfiguration(undefined, invocationIn(folderWith({}))).configuration.log.level).toBe('info');
  });

  it('a named file that is missing never falls through to the next', () => {
    const folder = folderWith(files);
    expect(problemsIn(() => loadConfiguration('no.toml', invocationIn(folder, { SI_CFG_PATH: 'env.toml' })))).toEqual([
      'no.toml:1:1: cannot read the configuration file, it does not exist: correct --config, or create the file',
    ]);
    expect(problemsIn(() => loadConfiguration(undefined, invocationIn(folder, { SI_CFG_PATH: 'no.toml' })))).toEqual([
      'no.toml:1:1: cannot read the configuration file, it does not exist: correct SI_CFG_PATH, or create the file',
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('a file without permission is not overlooked', () => {
    const folder = folderWith(files);
    chmodSync(join(folder, 'config/config.toml'), 0);
    expect(problemsIn(() => loadConfiguration(undefined, invocationIn(folder)))[0]).toContain('permission is missing');
  });
});
