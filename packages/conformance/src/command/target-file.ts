import { overUrl, type TlsSettings } from '../connectors.js';
import { type Connect, type Credentials, type TargetSettings, type TargetVariants } from '../target.js';
import { UsageError } from './arguments.js';
import { readText } from './files.js';

export interface TargetFile {
  readonly name?: string;
  readonly settings?: TargetSettings;
  readonly variants?: TargetVariants;
}

/** Gives the value in the form that the suites take. Throws UsageError, which begins with the path. */
type Check<Value> = (value: unknown, path: string) => Value;
type Checks<Values> = { readonly [Name in keyof Required<Values>]: Check<Required<Values>[Name]> };
type EnhancedAuthentication = NonNullable<TargetSettings['enhancedAuthentication']>;

const text: Check<string> = (value, path) => {
  if (typeof value !== 'string' || value === '') throw new UsageError(`${path} must be a text that is not empty`);
  return value;
};

function oneOf<const Value>(...allowed: readonly Value[]): Check<Value> {
  return (value, path) => {
    if (!allowed.includes(value as Value))
      throw new UsageError(`${path} must be ${allowed.map((one) => JSON.stringify(one)).join(' or ')}`);
    return value as Value;
  };
}

const milliseconds: Check<number> = (value, path) => {
  if (typeof value !== 'number' || !(value >= 0 && value <= 10_000)) throw new UsageError(`${path} must be a number from 0 to 10000`);
  return value;
};

const webSocketUrl: Check<string> = (value, path) => {
  if (!/^wss?:\/\/./.test(text(value, path))) throw new UsageError(`${path} must be a URL with ws:// or wss://`);
  return text(value, path);
};

/** An object with these members, and with all of the `needed` ones. */
function object<Values>(checks: Checks<Values>, needed: readonly (keyof Values & string)[] = []): Check<Values> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || value instanceof Array) throw new UsageError(`${path} must be an object`);
    const found: Partial<Values> = {};
    for (const [name, content] of Object.entries(value)) {
      const own = path === 'the content' ? name : `${path}.${name}`;
      if (!Object.hasOwn(checks, name)) throw new UsageError(`${own} is not known; known are ${Object.keys(checks).join(', ')}`);
      Object.assign(found, { [name]: checks[name as keyof Values](content, own) });
    }
    for (const name of needed) if (!(name in found)) throw new UsageError(`${path} has no ${name}`);
    return found as Values;
  };
}

const credentials: Check<Credentials> = object<Credentials>({ userName: text, password: text }, ['userName', 'password']);

const users: Check<readonly [Credentials, Credentials]> = (value, path) => {
  if (!(value instanceof Array) || value.length !== 2) throw new UsageError(`${path} must be a list of two users`);
  return [credentials(value[0], `${path}[0]`), credentials(value[1], `${path}[1]`)];
};

const settings: Checks<TargetSettings> = {
  userName: text,
  password: text,
  topicPrefix: text,
  maximumQos: oneOf(0, 1),
  deniedPublishTopic: text,
  deniedSubscribeFilter: text,
  users,
  enhancedAuthentication: object<EnhancedAuthentication>({ method: oneOf('SCRAM-SHA-256'), userName: text, password: text }, [
    'method',
    'userName',
    'password',
  ]),
  webSocketUrl,
  responseInformation: oneOf(true),
  settleMilliseconds: milliseconds,
};

function variants(connector: Check<Connect>): Checks<TargetVariants> {
  return {
    lowMaximumQos: connector,
    retainUnavailable: connector,
    wildcardUnavailable: connector,
    sharedUnavailable: connector,
    subscriptionIdentifiersUnavailable: connector,
    topicAliasUnavailable: connector,
    attachedProperties: connector,
    serverKeepAlive: connector,
  };
}

/**
 * Reads what a broker is configured for. `tls` is for the listeners that the file names.
 *
 * @throws UsageError `FILE: settings.users must be a list of two users`
 */
export function readTargetFile(file: string, tls: TlsSettings): TargetFile {
  const content = parsed(file);
  const connector: Check<Connect> = (value, path) => {
    try {
      return overUrl(text(value, path), tls);
    } catch (error) {
      throw error instanceof RangeError ? new UsageError(`${path} cannot be used: ${error.message}`) : error;
    }
  };
  const whole = object<TargetFile>({ name: text, settings: object(settings), variants: object(variants(connector)) });
  try {
    return whole(content, 'the content');
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${file}: ${error.message}`) : error;
  }
}

function parsed(file: string): unknown {
  const content = readText(file);
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new UsageError(`${file}${position(content, error as Error)}: this is no JSON: ${(error as Error).message}`);
  }
}

/** `:line:column`, where the message of JSON.parse tells a position. */
function position(content: string, error: Error): string {
  const [, at] = /position (\d+)/.exec(error.message) ?? [];
  if (at === undefined) return '';
  const lines = content.slice(0, Number(at)).split('\n');
  return `:${lines.length}:${lines[lines.length - 1].length + 1}`;
}
