import { randomBytes } from 'node:crypto';
import { type Duplex } from 'node:stream';
import { NotObserved } from './not-observed.js';
import { type Connect, type Target, type TargetVariants } from './target.js';
import { type Part } from './wire/bytes.js';
import { Exchange } from './wire/exchange.js';
import { MqttClient } from './wire/mqtt-client.js';
import { property } from './wire/properties.js';
import { type ConnectOptions, connect, type Version } from './wire/requests.js';

/** No transport connection could be made. */
class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export interface ClientOptions extends ConnectOptions {
  /** Continues the session of `clientId` and leaves it behind: Clean Session 0, or Clean Start 0 with a Session Expiry Interval. */
  readonly persistent?: boolean;
  readonly variant?: keyof TargetVariants;
}

/** What one test works with: names of its own, connections that are closed and traces that are removed when it ends. */
export class WireContext {
  readonly version: Version;
  readonly target: Target;
  /** How long an answer may take. */
  readonly timeoutMilliseconds: number;
  /** What went over the connections of this test. */
  readonly exchange: Exchange;
  private isGivenUp = false;
  private readonly ends: (() => void)[] = [];
  private readonly unique: string = randomBytes(6).toString('hex');
  private names = 0;
  private readonly clients: MqttClient[] = [];
  private readonly retained: string[] = [];
  /** CONNECT that ends the session, by client id, for every session that may outlive its connection. */
  private readonly sessions = new Map<string, Buffer>();

  constructor(version: Version, target: Target, timeoutMilliseconds: number) {
    this.version = version;
    this.target = target;
    this.timeoutMilliseconds = timeoutMilliseconds;
    const { password, users = [], enhancedAuthentication } = target.settings;
    const secrets = [password, ...users.map((user) => user.password), enhancedAuthentication?.password];
    this.exchange = new Exchange(
      version,
      secrets.filter((secret) => secret !== undefined),
    );
  }

  /** 1 to 23 bytes of 0-9 and a-z, as every server has to accept. */
  clientId(): string {
    return `c${this.unique}${++this.names}`;
  }

  /** A new topic name of two levels behind the target's prefix. */
  topic(): string {
    return `${this.target.settings.topicPrefix ?? ''}si${this.unique}/t${++this.names}`;
  }

  /** A new topic name whose retained message is removed at the end. */
  retainedTopic(topic: string = this.topic()): string {
    this.retained.push(topic);
    return topic;
  }

  /** A transport connection on which nothing was sent yet. */
  async open(variant?: keyof TargetVariants): Promise<MqttClient> {
    if (this.isGivenUp) throw new Error('the test was given up');
    const connectTransport: Connect = (variant === undefined ? undefined : this.target.variants?.[variant]) ?? this.target.connect;
    const stream = await within(connectTransport(), this.timeoutMilliseconds);
    const client = new MqttClient(stream, this.version, this.timeoutMilliseconds, this.exchange, this.clients.length + 1);
    client.maximumQos = this.target.settings.maximumQos ?? 2;
    this.clients.push(client);
    if (this.isGivenUp) client.cut();
    return client;
  }

  /** What a test opened by itself is closed by this, however it ends. */
  atEnd(close: () => void): void {
    this.ends.push(close);
    if (this.isGivenUp) close();
  }

  /** The test goes no further: what is open is closed, and nothing can be opened any more. */
  giveUp(): void {
    this.isGivenUp = true;
    this.closeAll();
  }

  private closeAll(): void {
    for (const client of this.clients) client.cut();
    for (const close of this.ends) close();
  }

  /** The bytes of a CONNECT with the target's credentials and, unless one is given, a new client id. */
  connectBytes(options: ClientOptions = {}): Buffer {
    const { userName, password } = this.target.settings;
    const all: ConnectOptions = {
      ...(userName === undefined ? {} : { userName }),
      ...(password === undefined ? {} : { password }),
      clientId: this.clientId(),
      ...options,
      ...(options.persistent === true ? { cleanStart: options.cleanStart ?? false, properties: this.persistence(options) } : {}),
    };
    const { clientId } = all;
    if (typeof clientId === 'string' && this.mayOutlive(all)) {
      this.sessions.set(clientId, connect(this.version, { clientId, userName: all.userName, password: all.password }));
    }
    return connect(this.version, all);
  }

  private persistence(options: ClientOptions): readonly Part[] {
    return [property.sessionExpiryInterval(300), ...(options.properties ?? [])];
  }

  /** Whether the session may be there after its connection: by its Session Expiry Interval, or by Clean Session 0. */
  private mayOutlive({ properties = [], cleanStart }: ConnectOptions): boolean {
    if (this.version < 5) return cleanStart === false;
    return properties.some((one) => one instanceof Uint8Array && one[0] === property.sessionExpiryInterval(1)[0]);
  }

  /** A connection that was accepted. */
  async connect(options: ClientOptions = {}): Promise<MqttClient> {
    const client = await this.open(options.variant);
    const clientId = options.clientId ?? this.clientId();
    if (typeof clientId === 'string') client.clientId = clientId;
    client.send(this.connectBytes({ ...options, clientId }));
    await client.accept();
    // 5.0, 3.2.2.3.2: the server may use another Session Expiry Interval than the client asked for.
    if (options.persistent === true && client.connack.properties.sessionExpiryInterval === 0)
      this.notObserved('the server keeps no sessions');
    return client;
  }

  /** Two accepted connections, the first of which has subscribed. */
  async pair(qos: number = 0, options: ClientOptions = {}): Promise<{ subscriber: MqttClient; publisher: MqttClient; topic: string }> {
    const topic = this.topic();
    const [subscriber, publisher] = await Promise.all([this.connect(options), this.connect()]);
    await subscriber.subscribe({ filter: topic, qos });
    return { subscriber, publisher, topic };
  }

  /**
   * CONNECT bytes that the server has to refuse: it closes, without answer or after a CONNACK with one of the codes. To tell a refusal from a
   * server that refuses everybody, an ordinary CONNECT is accepted first.
   */
  async expectRefused(content: Part, codes: readonly number[], variant?: keyof TargetVariants): Promise<number | undefined> {
    const control = await this.connect({ variant });
    const client = await this.open(variant);
    client.send(content);
    const [first, second] = await client.packetsUntilClosed();
    await control.barrier();
    if (first === undefined) return undefined;
    if (first.type !== 'connack') return client.fail(`${first.type} came instead of a refusal`);
    if (!codes.includes(first.reasonCode)) client.fail(`CONNACK ${first.reasonCode} does not refuse as it should`);
    if (second !== undefined) client.fail(`${second.type} came after the refusal`);
    return first.reasonCode;
  }

  /** Sends what breaks the protocol on a connection that was accepted; the server has to close it. */
  async expectBreach(content: Part, specificCodes: readonly number[] = [], options: ClientOptions = {}): Promise<void> {
    const client = await this.connect(options);
    await client.barrier();
    client.send(content);
    await client.expectClosed(specificCodes);
  }

  /** Lets a broker that routes late finish; 0 ms unless the target says otherwise. */
  async settle(): Promise<void> {
    await this.sleep(this.target.settings.settleMilliseconds ?? 0);
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  notObserved(reason: string): never {
    throw new NotObserved(reason);
  }

  /** Closes what is open, removes retained messages and sessions. Never throws: the verdict is the test's. */
  async cleanUp(): Promise<void> {
    this.closeAll();
    if (this.retained.length === 0 && this.sessions.size === 0) return;
    // What a test that was given up had just sent may still be on its way.
    if (this.isGivenUp) await this.sleep(200);
    const cleaner = new WireContext(this.version, this.target, this.timeoutMilliseconds);
    try {
      for (const content of this.sessions.values()) await cleaner.endSession(content);
      if (this.retained.length > 0) await cleaner.removeRetained(this.retained);
    } catch {
      // There is nobody to tell, and the next test will see whether the broker still answers.
    }
    cleaner.closeAll();
  }

  private async removeRetained(topics: readonly string[]): Promise<void> {
    const publisher = await this.connect();
    for (const topic of topics) await publisher.publish({ topic, retain: true, qos: Math.min(1, publisher.maximumQos) });
    await publisher.disconnect();
  }

  /** A refusal is an answer, too: then it is not this client's session, or there was none. */
  private async endSession(content: Buffer): Promise<void> {
    const client = await this.open();
    client.send(content);
    const { reasonCode } = await client.expect('connack');
    if (reasonCode === 0) await client.disconnect();
  }
}

/** The connection, or Unreachable; one that is made too late is closed. */
async function within(connection: Promise<Duplex>, milliseconds: number): Promise<Duplex> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      connection.then(
        (stream) => stream.destroy(),
        () => undefined,
      );
      reject(new Unreachable(`no connection within ${milliseconds} ms`));
    }, milliseconds);
  });
  try {
    return await Promise.race([connection, late]);
  } catch (error) {
    throw error instanceof Unreachable ? error : new Unreachable(`no connection: ${causeText(error as Error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** OpenSSL's errors have their plain words in `reason`; one for several addresses has them in its parts. */
function causeText(error: Error & { reason?: string; errors?: readonly Error[] }): string {
  return error.reason ?? error.errors?.map(({ message }) => message).join(', ') ?? error.message;
}

/** Says what is wrong if the values differ; compares by JSON, which is enough for numbers, texts and lists of them. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Error(`${what}: ${found ?? 'undefined'}, expected ${wanted ?? 'undefined'}`);
}
