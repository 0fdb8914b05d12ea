/**
 * How much faster than mqtt-packet, in the same run and the same process: `pnpm bench` (after `pnpm build`).
 * Prints nanoseconds per packet (the best of several rounds) and the ratio; the ratios are what can be compared between machines.
 */
import { createRequire } from 'node:module';
import {
  acknowledgementLengthMax,
  copyPublishFrame,
  Decoder,
  encode,
  encodeAcknowledgementInto,
  encodeInto,
  publishFrame,
} from '@si-mqtt/codec';

const mqttPacket = createRequire(import.meta.url)('mqtt-packet');
const rounds = 15;

const payload = Buffer.alloc(64, 0x61);
const publish = { type: 'publish', dup: false, qos: 0, retain: false, topicName: 'bench/devices/000017/state', packetId: 0, payload };
const theirPublish = { cmd: 'publish', dup: false, qos: 0, retain: false, topic: publish.topicName, payload };
const one = Buffer.from(encode(publish, 4));
const many = Buffer.concat(new Array(Math.floor(65_536 / one.length)).fill(one));
const manyCount = many.length / one.length;

// The same with many topic names, one after the other, so that the cache of names is not measured with one entry.
function topics(count) {
  const packets = [];
  for (let index = 0; packets.reduce((sum, packet) => sum + packet.length, 0) < 65_000; index += 1) {
    packets.push(encode({ ...publish, topicName: `bench/devices/${String(index % count).padStart(6, '0')}/state` }, 4));
  }
  return Buffer.concat(packets);
}
const several = topics(256);
const acknowledgement = Buffer.from([0x40, 2, 0, 7]);
const acknowledgements = Buffer.concat(new Array(16_384).fill(acknowledgement));
const target = Buffer.alloc(65_536);

let sink = 0;
const options = {
  from: 'client',
  maximumPacketSize: 1_048_576,
  protocolVersion: 4,
  topicLevelsMax: 64,
  propertiesMax: 100,
  topicFiltersMax: 100,
};
const receiver = {
  receive(packet) {
    if (packet.type === 'publish') sink += packet.topicName.length + packet.payload.length;
    else sink += packet.packetId;
  },
};
const receiver5 = { receive: (packet) => void (sink += packet.properties.contentType.length) };
const withProperties = Buffer.concat(
  new Array(500).fill(
    encode(
      {
        ...publish,
        properties: { payloadFormatIndicator: 1, messageExpiryInterval: 60, contentType: 'text/plain', userProperties: [['a', 'b']] },
      },
      5,
    ),
  ),
);

function ours(chunk, times, decoderOptions = options, to = receiver) {
  const decoder = new Decoder(to, decoderOptions);
  return () => {
    for (let time = 0; time < times; time += 1) decoder.push(chunk);
  };
}

function theirs(chunk, times, parserOptions = { protocolVersion: 4 }) {
  const parser = mqttPacket.parser(parserOptions);
  parser.on('packet', (packet) => {
    if (packet.cmd === 'publish') sink += packet.topic.length + packet.payload.length;
    else sink += packet.messageId;
  });
  return () => {
    for (let time = 0; time < times; time += 1) parser.parse(chunk);
  };
}

const frame = publishFrame(4, publish, true);
const cases = [
  ['decode PUBLISH, 64 kB chunks', 6, manyCount * 8, ours(many, 8), theirs(many, 8)],
  ['decode PUBLISH, 64 kB chunks, 256 topics', 6, manyCount * 8, ours(several, 8), theirs(several, 8)],
  ['decode PUBLISH, one per chunk', 8, 5_000, ours(one, 5_000), theirs(one, 5_000)],
  [
    'decode PUBLISH 5.0 with properties',
    0,
    500,
    ours(withProperties, 1, { ...options, protocolVersion: 5 }, receiver5),
    theirs(withProperties, 1, { protocolVersion: 5 }),
  ],
  ['decode PUBACK, 64 kB chunks', 10, 16_384, ours(acknowledgements, 1), theirs(acknowledgements, 1)],
  [
    'encode PUBLISH into a buffer',
    5,
    5_000,
    () => repeat(5_000, () => encodeInto(publish, 4, target, 0)),
    () => repeat(5_000, () => mqttPacket.generate(theirPublish).copy(target, 0)),
  ],
  [
    'encode PUBLISH, new buffer',
    2,
    5_000,
    () => repeat(5_000, () => encode(publish, 4).length),
    () => repeat(5_000, () => mqttPacket.generate(theirPublish).length),
  ],
  ['copy and patch a PUBLISH frame', 0, 5_000, () => repeat(5_000, (index) => copyPublishFrame(frame, 0x32, index + 1, -1, target, 0))],
  [
    'encode PUBACK into a buffer',
    0,
    5_000,
    () => repeat(5_000, (index) => encodeAcknowledgementInto('puback', index + 1, 0, 5, target, 0)),
    () => repeat(5_000, () => mqttPacket.generate({ cmd: 'puback', messageId: 7 }).length),
  ],
];

function repeat(times, work) {
  for (let index = 0; index < times; index += 1) sink += work(index);
}

function best(work, count) {
  let least = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const start = process.hrtime.bigint();
    work();
    least = Math.min(least, Number(process.hrtime.bigint() - start) / count);
  }
  return least;
}

console.log(`${'case'.padEnd(44)}${'codec ns'.padStart(10)}${'mqtt-packet ns'.padStart(16)}${'ratio'.padStart(8)}   goal`);
for (const [name, goal, count, codec, other] of cases) {
  const own = best(codec, count);
  const their = other === undefined ? undefined : best(other, count);
  const ratio = their === undefined ? '' : (their / own).toFixed(1);
  console.log(
    `${name.padEnd(44)}${own.toFixed(0).padStart(10)}${(their?.toFixed(0) ?? '').padStart(16)}${ratio.padStart(8)}   ${goal === 0 ? '' : `≥ ${goal}`}`,
  );
}
if (sink === 0 || acknowledgementLengthMax < 4) throw new Error('nothing was measured');
