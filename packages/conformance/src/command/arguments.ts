import { parseArgs } from 'node:util';
import { type WireTest } from '../wire-test.js';

/** The command cannot do what it was told; the message is one line for people. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface CommandLine {
  readonly url: string;
  /** Empty: all that the target speaks. */
  readonly versions: readonly WireTest['version'][];
  readonly filters: readonly string[];
  readonly json: string | undefined;
  readonly junit: string | undefined;
  readonly markdown: string | undefined;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  readonly caFile: string | undefined;
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly insecure: boolean;
  readonly topicPrefix: string | undefined;
  readonly targetFile: string | undefined;
  readonly timeoutSeconds: number;
  readonly timeLimitSeconds: number;
  readonly concurrency: number;
}

export const usage = `usage: si-mqtt-conformance [options] URL

Judges an MQTT broker by the normative statements of MQTT 5.0, 3.1.1 and 3.1.
URL is mqtt://HOST[:PORT], mqtts://…, ws://HOST[:PORT]/PATH or wss://…

  --protocol VERSION     3.1, 3.1.1 or 5; may be repeated (default: all that the broker speaks)
  --filter TEXT          only tests whose statements or title contain the text; may be repeated
  --username NAME        user name of every connection
  --password TEXT        its password; other users of the machine can see it: a target file is safer
  --ca FILE              trust the authorities in this PEM file
  --cert FILE            client certificate, PEM
  --key FILE             its key, PEM
  --insecure             take any certificate of the broker
  --topic-prefix TEXT    stands before every topic, e.g. tenant-7/
  --target FILE          JSON: what the broker is configured for; see the README of @si-mqtt/conformance
  --json FILE            write all results as JSON; - is standard output
  --junit FILE           write JUnit XML; - is standard output
  --markdown FILE        write a report that can be pasted into an issue; - is standard output
  --timeout SECONDS      an answer that takes longer counts as missing (default 3)
  --time-limit SECONDS   stop after this time (default 300)
  --concurrency NUMBER   tests at a time (default 4)
  -h, --help             print this help
  -V, --version          print the version

Exit codes: 0 nothing mandatory is broken, 1 something is, 2 the command line is wrong or the broker cannot be judged,
130 or 143 after Ctrl-C or SIGTERM. What the tests left on the broker is removed before the end; a second Ctrl-C ends at once.
`;

const versionsByText: Readonly<Record<string, WireTest['version']>> = { '3.1': 3, '3.1.1': 4, '5': 5, '5.0': 5 };

const options = {
  protocol: { type: 'string', multiple: true },
  filter: { type: 'string', multiple: true },
  json: { type: 'string' },
  junit: { type: 'string' },
  markdown: { type: 'string' },
  username: { type: 'string' },
  password: { type: 'string' },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  insecure: { type: 'boolean', default: false },
  'topic-prefix': { type: 'string' },
  target: { type: 'string' },
  timeout: { type: 'string', default: '3' },
  'time-limit': { type: 'string', default: '300' },
  concurrency: { type: 'string', default: '4' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'V', default: false },
} as const;

/** @throws UsageError */
export function parseCommandLine(argv: readonly string[]): CommandLine | 'help' | 'version' {
  const { values, positionals } = parsed(argv);
  if (values.help) return 'help';
  if (values.version) return 'version';
  if (positionals.length !== 1) throw new UsageError(positionals.length === 0 ? 'no URL is given' : 'more than one URL is given');
  if ((values.cert === undefined) !== (values.key === undefined)) throw new UsageError('--cert and --key belong together');
  if (values.password !== undefined && values.username === undefined) throw new UsageError('--password needs --username');
  if ([values.json, values.junit, values.markdown].filter((file) => file === '-').length > 1) {
    throw new UsageError('only one report can go to standard output');
  }
  return {
    url: positionals[0],
    versions: (values.protocol ?? []).map(versionOf),
    filters: values.filter ?? [],
    json: values.json,
    junit: values.junit,
    markdown: values.markdown,
    userName: values.username,
    password: values.password,
    caFile: values.ca,
    certificateFile: values.cert,
    keyFile: values.key,
    insecure: values.insecure,
    topicPrefix: values['topic-prefix'],
    targetFile: values.target,
    timeoutSeconds: numberOf('--timeout', values.timeout, 0.1, 60),
    timeLimitSeconds: numberOf('--time-limit', values['time-limit'], 1, 86_400),
    concurrency: Math.floor(numberOf('--concurrency', values.concurrency, 1, 32)),
  };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node explains positional arguments behind the first sentence.
    throw new UsageError((error as Error).message.replace(/\. .*$/s, ''));
  }
}

function versionOf(text: string): WireTest['version'] {
  const version = versionsByText[text];
  if (version === undefined) throw new UsageError(`--protocol is 3.1, 3.1.1 or 5, not ${text}`);
  return version;
}

function numberOf(name: string, text: string, minimum: number, maximum: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= minimum && value <= maximum)) {
    throw new UsageError(`${name} is a number from ${minimum} to ${maximum}, not ${text}`);
  }
  return value;
}
