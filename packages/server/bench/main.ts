import { Decoder, encode, type Packet, type PublishProperties } from '@si-mqtt/codec';
import { createServer } from '../src/index.js';
import { completeOptions } from '../src/server-options.js';
import { MemoryStream } from './memory-stream.js';

/*
 * What the server's own code takes for one delivery: there is no kernel in it, so that it says little about the whole cost and much about a change. The
 * least of many rounds counts, because whatever else the machine does only adds.
 */

interface Workload {
  readonly title: string;
  readonly publishers: number;
  /** All publishers send to one subscriber; otherwise each has its own. */
  readonly isFanIn: boolean;
  readonly qos: 0 | 1;
  readonly protocolVersion: 4 | 5;
  readonly properties?: PublishProperties;
  readonly packetsPerRead: number;
}

const properties: PublishProperties = {
  messageExpiryInterval: 3600,
  contentType: 'application/json',
  responseTopic: 'bench/answers/1',
  correlationData: Buffer.from('correlat'),
  userProperties: [['trace', '4bf92f3577b34da6']],
};

const pairs: Workload = { title: 'pairs, QoS 0', publishers: 100, isFanIn: false, qos: 0, protocolVersion: 4, packetsPerRead: 1 };
const fanIn: Workload = { ...pairs, title: '100 to 1, QoS 0', isFanIn: true };

const workloads: readonly Workload[] = [
  { ...pairs, publishers: 10, packetsPerRead: 32 },
  pairs,
  { ...pairs, publishers: 1000 },
  { ...pairs, title: 'pairs, QoS 1', qos: 1 },
  fanIn,
  { ...fanIn, packetsPerRead: 3 },
  { ...fanIn, title: '100 to 1, QoS 1', qos: 1 },
  { ...fanIn, title: '100 to 1, QoS 1, 5.0 with properties', qos: 1, protocolVersion: 5, properties },
];

const ROUNDS = 150;
const DELIVERIES_PER_ROUND = 2500;
const SETTLE_MILLISECONDS = 300;

const options = completeOptions({ listeners: [{ type: 'tcp', name: 'tcp', port: 0 }], sys: { enabled: false, intervalSeconds: 10 } });
const [listener] = options.listeners;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** @returns nanoseconds for each delivery, of the fastest round */
async function measure(workload: Workload): Promise<number> {
  const server = await createServer(options);
  await server.start();
  try {
    const { publishers, isFanIn, qos, packetsPerRead } = workload;
    const open = (clientId: string, keepsWritten: boolean): MemoryStream => {
      const stream = new MemoryStream(listener, keepsWritten);
      server.accept(stream);
      stream.feed(connectBytes(clientId, workload));
      return stream;
    };
    const subscribers = Array.from({ length: isFanIn ? 1 : publishers }, (_, index) => open(`subscriber-${index}`, qos > 0));
    const senders = Array.from({ length: publishers }, (_, index) => open(`publisher-${index}`, false));
    await pause(SETTLE_MILLISECONDS);
    subscribers.forEach((subscriber, index) => subscriber.feed(subscribeBytes(isFanIn ? 'bench/#' : topicName(index), workload)));
    await pause(SETTLE_MILLISECONDS);
    for (const subscriber of subscribers) subscriber.takeWritten();
    const chunks = senders.map((_, index) => publishBytes(topicName(index), workload));
    const perTurn = publishers * packetsPerRead;
    const turns = Math.max(1, Math.floor(DELIVERIES_PER_ROUND / perTurn));
    let fastest = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      let milliseconds = 0;
      for (let i = 0; i < turns; i++) milliseconds += await timeOfTurn(senders, chunks, subscribers, workload);
      fastest = Math.min(fastest, (milliseconds * 1e6) / (turns * perTurn));
    }
    const delivered = server.broker.counters.publishSent;
    const expected = ROUNDS * turns * perTurn;
    if (delivered !== expected) throw new Error(`${delivered} deliveries instead of ${expected}`);
    return fastest;
  } finally {
    await server.stop();
  }
}

/** Everything is published once, delivered, and acknowledged. @returns milliseconds, without what the clients do */
async function timeOfTurn(
  senders: readonly MemoryStream[],
  chunks: readonly Uint8Array[],
  subscribers: readonly MemoryStream[],
  { qos, protocolVersion }: Workload,
): Promise<number> {
  let from = performance.now();
  senders.forEach((sender, index) => sender.feed(chunks[index]));
  await turn();
  let milliseconds = performance.now() - from;
  while (qos > 0) {
    const answers = subscribers.map((subscriber) => pubacksFor(subscriber.takeWritten(), protocolVersion));
    if (answers.every((bytes) => bytes.length === 0)) break;
    from = performance.now();
    for (const [index, bytes] of answers.entries()) if (bytes.length > 0) subscribers[index].feed(bytes);
    await turn();
    milliseconds += performance.now() - from;
  }
  return milliseconds;
}

const topicName = (index: number): string => `bench/dev/${index}/up`;

function connectBytes(clientId: string, { protocolVersion }: Workload): Uint8Array {
  const receiveMaximum = protocolVersion === 5 ? { properties: { receiveMaximum: 65_535 } } : {};
  return encode({ type: 'connect', protocolVersion, cleanStart: true, keepAlive: 0, clientId, ...receiveMaximum }, protocolVersion);
}

function subscribeBytes(topicFilter: string, { qos, protocolVersion }: Workload): Uint8Array {
  const subscription = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  return encode({ type: 'subscribe', packetId: 1, subscriptions: [subscription] }, protocolVersion);
}

function publishBytes(name: string, { qos, protocolVersion, packetsPerRead, properties: withProperties }: Workload): Uint8Array {
  const payload = new Uint8Array(64).fill(120);
  const content = { type: 'publish', topicName: name, payload, qos, dup: false, retain: false } as const;
  return Buffer.concat(
    Array.from({ length: packetsPerRead }, (_, index) =>
      encode({ ...content, packetId: qos > 0 ? index + 1 : 0, ...(withProperties ? { properties: withProperties } : {}) }, protocolVersion),
    ),
  );
}

function pubacksFor(written: readonly Uint8Array[], protocolVersion: 4 | 5): Uint8Array {
  const answers: Uint8Array[] = [];
  const receive = (packet: Packet): void => {
    if (packet.type === 'publish') answers.push(encode({ type: 'puback', packetId: packet.packetId, reasonCode: 0 }, protocolVersion));
  };
  const decoder = new Decoder({ receive }, { from: 'server', maximumPacketSize: 1_000_000, protocolVersion });
  for (const bytes of written) decoder.push(bytes);
  return Buffer.concat(answers);
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

print(`the server's own code, without the kernel: nanoseconds for one delivery, least of ${ROUNDS} rounds`);
for (const workload of workloads) {
  const { title, publishers, isFanIn, packetsPerRead } = workload;
  const who = isFanIn ? title : `${publishers} ${title}`;
  print(`  ${`${who}, ${packetsPerRead} packets per read`.padEnd(56)}${(await measure(workload)).toFixed(0).padStart(6)}`);
}
