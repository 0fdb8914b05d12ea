import { type MqttClient } from '../wire/mqtt-client.js';
import { property } from '../wire/properties.js';
import { type WillOptions } from '../wire/requests.js';
import { SessionReader } from '../wire/session-reader.js';
import { equal, type WireContext } from '../wire-context.js';
import { both, v5, v311, type WireTest } from '../wire-test.js';

/** How a will of the old connection fares when another one takes the ClientID. */
interface WillCase {
  readonly title: string;
  /** Of the old connection; Session Expiry Interval 300, or Clean Session 0. */
  readonly persistent: boolean;
  /** Clean Start of the new connection. */
  readonly cleanStart: boolean;
  /** Seconds. */
  readonly willDelayInterval?: number;
  /** Whether the new connection goes on with the session. */
  readonly goesOn: boolean;
  readonly published: boolean;
}

const willCases: readonly WillCase[] = [
  { title: 'a session that goes on', persistent: true, cleanStart: false, goesOn: true, published: true },
  { title: 'a session that is thrown away', persistent: true, cleanStart: true, goesOn: false, published: true },
  { title: 'a session that ends with its connection', persistent: false, cleanStart: false, goesOn: false, published: true },
];

const delayedWillCases: readonly WillCase[] = [
  { title: 'a delay that has not passed', persistent: true, cleanStart: false, willDelayInterval: 1, goesOn: true, published: false },
  { title: 'a delay, and a clean start', persistent: true, cleanStart: true, willDelayInterval: 60, goesOn: false, published: true },
  {
    title: 'a delay, and a session that ends with its connection',
    persistent: false,
    cleanStart: false,
    willDelayInterval: 60,
    goesOn: false,
    published: true,
  },
];

/** A connection with the will is taken over; a third client watches the will's topic. */
async function takeOverWithWill(context: WireContext, one: WillCase): Promise<void> {
  const [topic, clientId, watcher] = [context.topic(), context.clientId(), await context.connect()];
  await watcher.subscribe(topic);
  const { willDelayInterval: delay } = one;
  const will: WillOptions = { topic, payload: 'will', ...(delay === undefined ? {} : { properties: [property.willDelayInterval(delay)] }) };
  const old = await context.connect({ clientId, will, ...(one.persistent ? { persistent: true } : { cleanStart: true }) });
  const taker = await context.connect({ clientId, persistent: true, cleanStart: one.cleanStart });
  equal(taker.connack.sessionPresent, one.goesOn && context.version > 3, 'Session Present');
  await old.expectClosedWith([0x8e]);
  if (one.published) equal(await watcher.receivePayloads(1), ['will'], 'payload');
  await watcher.expectNothing(one.published ? 0 : 1000 * (delay ?? 0) + 600);
}

/** The same ClientID on a second connection (section 3.1.4). */
export const takeoverTests: readonly WireTest[] = [
  v5('3.1.4-3', 'the same ClientID again: the old connection gets DISCONNECT 0x8E and is closed', async (context) => {
    const clientId = context.clientId();
    const old = await context.connect({ clientId });
    const taker = await context.connect({ clientId });
    equal(await old.expectClosedWith([0x8e]), 0x8e, 'reason code of DISCONNECT');
    await taker.expectNothing();
  }),
  ...both('3.1.4-3', '3.1.4-2', 'the same ClientID again: the old connection is closed, the new one works', async (context) => {
    const clientId = context.clientId();
    const old = await context.connect({ clientId });
    const taker = await context.connect({ clientId });
    await old.expectClosedWith([0x8e]);
    const topic = context.topic();
    await taker.subscribe(topic);
    await taker.publish({ topic, payload: 'new' });
    equal((await taker.receive()).payload.toString(), 'new', 'payload');
  }),
  ...both(
    '3.1.4-3 3.2.0-1',
    '3.1.4-2 3.2.0-1',
    'of CONNECTs with one ClientID that race, one stays and all others are closed',
    async (context) => {
      const clientId = context.clientId();
      const staying = await race(context, () => context.connectBytes({ clientId }));
      await staying.barrier();
    },
  ),
  ...both(
    '3.1.4-3 3.1.2-5 3.2.2-3',
    '3.1.4-2 3.1.2-4 3.2.2-2',
    'of CONNECTs that race for a session, the one that stays has all of it',
    async (context) => {
      const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
      const first = await context.connect({ clientId, persistent: true });
      await first.subscribe({ filter: topic, qos: 2 });
      first.cut();
      await publisher.publish({ topic, payload: 'waited', qos: 2 });
      const staying = await race(context, () => context.connectBytes({ clientId, persistent: true }));
      equal(staying.connack.sessionPresent, true, 'Session Present');
      await publisher.publish({ topic, payload: 'live', qos: 2 });
      const reader = new SessionReader();
      await reader.takeUntil(staying, 2);
      await reader.takeRest(staying);
      equal(reader.payloads, ['waited', 'live'], 'payloads');
    },
  ),
  ...both(
    '3.1.4-3 4.4.0-1',
    '3.1.4-2 4.4.0-1',
    'a takeover while messages are in flight re-sends them with DUP and their identifiers',
    async (context) => {
      const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
      const old = await context.connect({ persistent: true, clientId });
      await old.subscribe({ filter: topic, qos: 2 });
      for (let n = 0; n < 6; n++) await publisher.publish({ topic, payload: `${n}`, qos: 1 + (n % 2) });
      const ids: (number | undefined)[] = [];
      for (let n = 0; n < 6; n++) ids.push((await old.expect('publish')).packetId);
      const taker = await context.connect({ persistent: true, clientId });
      equal(taker.connack.sessionPresent, true, 'Session Present');
      for (let n = 0; n < 6; n++) {
        const message = await taker.expect('publish');
        equal([message.payload.toString(), message.packetId, message.dup], [`${n}`, ids[n], true], 'payload, identifier and DUP');
      }
    },
  ),
  ...both(
    '3.1.4-3 4.3.3-6 4.6.0-5 4.5.0-1',
    '3.1.4-2 4.3.3-1 4.6.0-6 4.5.0-1',
    'takeovers in the middle of a flow of messages lose none, and deliver those of QoS 2 once',
    async (context) => {
      for (const qos of [1, 2]) {
        const [clientId, topic, publisher] = [context.clientId(), context.topic(), await context.connect()];
        const [count, reader] = [40, new SessionReader()];
        let client = await context.connect({ clientId, persistent: true });
        await client.subscribe({ filter: topic, qos });
        const flow = (async () => {
          for (let n = 0; n < count; n++) await publisher.publish({ topic, payload: `${n}`, qos });
        })();
        for (let taken = 5; taken < count; taken += 5) {
          await reader.takeUntil(client, taken);
          client = await context.connect({ clientId, persistent: true });
        }
        await flow;
        while (new Set(reader.payloads).size < count) reader.take(client, await client.next(`all of ${count} messages`));
        await reader.takeRest(client);
        const first = reader.payloads.filter((payload, index) => reader.payloads.indexOf(payload) === index);
        equal(first, Array.from(Array(count).keys(), String), `payloads at QoS ${qos}, by their first delivery`);
        if (qos === 2) equal(reader.payloads.length, count, 'deliveries at QoS 2');
      }
    },
  ),
  ...willCases.flatMap((one) =>
    both('3.1.2-8 3.1.4-3', '3.1.2-8 3.1.4-2', `a takeover sends the will of the old connection: ${one.title}`, (context) =>
      takeOverWithWill(context, one),
    ),
  ),
  ...delayedWillCases.map((one) =>
    v5(
      one.published ? '3.1.2-8 3.1.4-3' : '3.1.3-9 3.1.2-8',
      `a takeover ${one.published ? 'sends' : 'cancels'} the will of the old connection: ${one.title}`,
      (context) => takeOverWithWill(context, one),
    ),
  ),
  v311('3.1.4-2 3.1.2-10', 'a takeover after a takeover sends each will once', async (context) => {
    const [topic, clientId, watcher] = [context.topic(), context.clientId(), await context.connect()];
    await watcher.subscribe({ filter: topic, qos: 1 });
    for (const payload of ['1', '2', '3']) await context.connect({ clientId, will: { topic, payload, qos: 1 } });
    equal(await watcher.receivePayloads(2), ['1', '2'], 'payloads');
    await watcher.expectNothing();
  }),
  ...both(
    '3.1.4-3 3.1.2-10 3.14.4-3',
    '3.1.2-10 3.14.4-3',
    'a DISCONNECT after a takeover drops only the will of its own',
    async (context) => {
      const [topic, clientId, watcher] = [context.topic(), context.clientId(), await context.connect()];
      await watcher.subscribe(topic);
      await context.connect({ clientId, will: { topic, payload: 'old' } });
      const taker = await context.connect({ clientId, will: { topic, payload: 'new' } });
      await taker.disconnect();
      equal(await watcher.receivePayloads(1), ['old'], 'payload');
      await watcher.expectNothing(50);
    },
  ),
];

/** Sends the CONNECTs at once and gives the connection that is left when all others are closed. */
async function race(context: WireContext, connectBytes: () => Buffer): Promise<MqttClient> {
  const racers = await Promise.all(Array.from({ length: 4 }, () => context.open()));
  for (const racer of racers) racer.send(connectBytes());
  await Promise.all(racers.map((racer) => racer.accept()));
  const staying = () => racers.filter((racer) => !racer.isClosed);
  const start = performance.now();
  while (staying().length > 1 && performance.now() - start < context.timeoutMilliseconds) await context.sleep(10);
  equal(staying().length, 1, 'connections that stay');
  return staying()[0];
}
