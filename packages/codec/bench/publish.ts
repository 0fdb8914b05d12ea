/**
 * How much faster than mqtt-packet, in the same process and run. Prints nanoseconds per packet (the best of several rounds) and the ratio:
 * only ratios can be compared between machines.
 */
import { generate, parser, type Packet as TheirPacket } from 'mqtt-packet';
import {
  copyPublishFrame,
  Decoder,
  type DecoderOptions,
  encode,
  encodeAcknowledgementInto,
  encodeInto,
  type Packet,
  type PublishPacket,
  publishFrame,
} from '../src/index.js';

const rounds = 25;
const batch = 5000;
/** Everything that is measured ends in here, so that nothing can be left out as unused. */
let sink = 0;

interface Case {
  readonly name: string;
  /** At least this many times as fast; 0 where there is no goal. */
  readonly goal: number;
  readonly packets: number;
  readonly ours: () => void;
  readonly theirs?: () => void;
}

const payload = Buffer.alloc(64, 'a');
const publish: PublishPacket = {
  type: 'publish',
  dup: false,
  qos: 0,
  retain: false,
  topicName: 'bench/devices/000017/state',
  packetId: 0,
  payload,
};
const theirPublish: TheirPacket = { cmd: 'publish', dup: false, qos: 0, retain: false, topic: publish.topicName, payload };
const properties = {
  payloadFormatIndicator: 1,
  messageExpiryInterval: 60,
  contentType: 'text/plain',
  userProperties: [['a', 'b']],
} as const;

const onePublish = Buffer.from(encode(publish, 4));
const oneTopic = chunkOf(() => publish.topicName);
const manyTopics = chunkOf((index) => `bench/devices/${String(index % 256).padStart(6, '0')}/state`);
const withProperties = Buffer.concat(new Array<Uint8Array>(batch / 10).fill(encode({ ...publish, properties }, 5)));
const acknowledgements = Buffer.concat(new Array<Uint8Array>(16_384).fill(Uint8Array.of(0x40, 2, 0, 7)));
const target = Buffer.alloc(65_536);
const frame = publishFrame(4, publish, true);

/** Packets for one read of 64 kB, all of one length. */
function chunkOf(topicName: (index: number) => string): Buffer {
  const count = Math.floor(65_536 / onePublish.length);
  return Buffer.concat(Array.from({ length: count }, (_, index) => encode({ ...publish, topicName: topicName(index) }, 4)));
}

function decoding(chunk: Uint8Array, times: number, protocolVersion: 4 | 5 = 4): () => void {
  const options: DecoderOptions = { from: 'client', maximumPacketSize: 1_048_576, protocolVersion, topicLevelsMax: 64, propertiesMax: 100 };
  const receive = (packet: Packet): void => {
    if (packet.type === 'publish') sink += packet.topicName.length + packet.payload.length + (packet.properties?.contentType?.length ?? 0);
    else if (packet.type === 'puback') sink += packet.packetId;
  };
  const decoder = new Decoder({ receive }, options);
  return () => {
    for (let time = 0; time < times; time += 1) decoder.push(chunk);
  };
}

function parsing(chunk: Buffer, times: number, protocolVersion: 4 | 5 = 4): () => void {
  const theirParser = parser({ protocolVersion });
  theirParser.on('packet', (packet) => {
    if (packet.cmd === 'publish') sink += packet.topic.length + packet.payload.length + (packet.properties?.contentType?.length ?? 0);
    else sink += packet.messageId ?? 0;
  });
  return () => {
    for (let time = 0; time < times; time += 1) theirParser.parse(chunk);
  };
}

function repeated(work: (index: number) => number): () => void {
  return () => {
    for (let index = 1; index <= batch; index += 1) sink += work(index);
  };
}

const cases: readonly Case[] = [
  {
    name: 'decode PUBLISH, 64 kB chunks',
    goal: 6,
    packets: 8 * (oneTopic.length / onePublish.length),
    ours: decoding(oneTopic, 8),
    theirs: parsing(oneTopic, 8),
  },
  {
    name: 'decode PUBLISH, 64 kB chunks, 256 topics',
    goal: 6,
    packets: 8 * (manyTopics.length / onePublish.length),
    ours: decoding(manyTopics, 8),
    theirs: parsing(manyTopics, 8),
  },
  { name: 'decode PUBLISH, one per chunk', goal: 8, packets: batch, ours: decoding(onePublish, batch), theirs: parsing(onePublish, batch) },
  {
    name: 'decode PUBLISH 5.0 with properties',
    goal: 0,
    packets: batch / 10,
    ours: decoding(withProperties, 1, 5),
    theirs: parsing(withProperties, 1, 5),
  },
  {
    name: 'decode PUBACK, 64 kB chunks',
    goal: 10,
    packets: 16_384,
    ours: decoding(acknowledgements, 1),
    theirs: parsing(acknowledgements, 1),
  },
  {
    name: 'encode PUBLISH into a buffer',
    goal: 5,
    packets: batch,
    ours: repeated(() => encodeInto(publish, 4, target, 0)),
    theirs: repeated(() => generate(theirPublish).copy(target, 0)),
  },
  {
    name: 'encode PUBLISH into a new buffer',
    goal: 2,
    packets: batch,
    ours: repeated(() => encode(publish, 4).length),
    theirs: repeated(() => generate(theirPublish).length),
  },
  {
    name: 'copy and patch a PUBLISH frame',
    goal: 0,
    packets: batch,
    ours: repeated((index) => copyPublishFrame(frame, 0x32, index, -1, target, 0)),
  },
  {
    name: 'encode PUBACK into a buffer',
    goal: 0,
    packets: batch,
    ours: repeated((index) => encodeAcknowledgementInto('puback', index, 0, 5, target, 0)),
    theirs: repeated((index) => generate({ cmd: 'puback', messageId: index }).copy(target, 0)),
  },
];

/** Nanoseconds per packet. */
function best(work: () => void, packets: number): number {
  let least = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const start = process.hrtime.bigint();
    work();
    least = Math.min(least, Number(process.hrtime.bigint() - start) / packets);
  }
  return least;
}

function print(...cells: readonly [string, string, string, string, string]): void {
  const [name, ours, theirs, ratio, goal] = cells;
  process.stdout.write(`${name.padEnd(42)}${ours.padStart(10)}${theirs.padStart(16)}${ratio.padStart(8)}   ${goal}\n`);
}

print('case', 'codec ns', 'mqtt-packet ns', 'ratio', 'goal');
for (const { name, goal, packets, ours, theirs } of cases) {
  const own = best(ours, packets);
  const their = theirs === undefined ? undefined : best(theirs, packets);
  print(name, own.toFixed(0), their?.toFixed(0) ?? '', their === undefined ? '' : (their / own).toFixed(1), goal === 0 ? '' : `≥ ${goal}`);
}
if (sink === 0) throw new Error('nothing was measured');
