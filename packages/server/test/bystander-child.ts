import { type BystanderReport } from './child-messages.js';
import { RawClient } from './raw-client.js';

// A publisher and a subscriber, one message each 5 ms: in a process of their own, so that nobody else's work is taken for the broker's latency.
// Says `{ started }`, and, told to stop, what they saw.

const topicName = 'bystander';
const intervalMilliseconds = 5;
const url = JSON.parse(process.argv[2]) as string;

/** By the number of the message: when it was sent, and after how many milliseconds it was there. */
const sentAt: number[] = [];
const latencies: number[] = [];
let isOver = false;

const subscriber = await RawClient.connected(url, { clientId: 'bystander-subscriber' });
await subscriber.subscribed(topicName, 1);
const publisher = await RawClient.connected(url, { clientId: 'bystander-publisher' });
publisher.socket.resume();

function publish(): void {
  const number = sentAt.push(performance.now()) - 1;
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, number);
  publisher.send({ type: 'publish', dup: false, qos: 1, retain: false, topicName, packetId: (number % 65_535) + 1, payload });
}

async function receive(): Promise<void> {
  for (;;) {
    const { payload, packetId } = await subscriber.next('publish');
    const number = Buffer.from(payload).readUInt32BE();
    if (number < latencies.length) throw new Error(`message ${number} came twice or too late`);
    latencies.push(performance.now() - sentAt[number]);
    subscriber.send({ type: 'puback', packetId, reasonCode: 0 });
    if (isOver && number === sentAt.length - 1) return;
  }
}

function report(): BystanderReport {
  const sorted = latencies.toSorted((a, b) => a - b);
  return { sent: sentAt.length, lost: sentAt.length - latencies.length, latency99: sorted[Math.ceil(sorted.length * 0.99) - 1] };
}

const received = receive();
const timer = setInterval(publish, intervalMilliseconds);
process.on('disconnect', () => process.exit());
process.once('message', () => {
  clearInterval(timer);
  isOver = true;
  publish();
  // What does not come is lost: the test has a limit for that, and says so.
  void received.then(() => process.send!(report()));
});
process.send!({ started: true });
