import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { overTcp, Workload, WorkloadClient } from '@si-mqtt/conformance';
import { expect, it, onTestFinished } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { configurationFile } from './databases.js';
import { judged } from './judged.js';

const MIB = 1024 * 1024;
const diskBytes = 40 * MIB;
const quotaExceeded = 0x97;

/** A disk that is small and real; undefined where only root could mount it. */
function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmdirSync(folder);
    return undefined;
  }
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  });
  return folder;
}

it('a full disk: QoS > 0 is refused, QoS 0 flows, the offline queue drains, and publishing goes on by itself', {
  timeout: 180_000,
}, async (context) => {
  const disk = smallDisk();
  if (disk === undefined) return context.skip('no small disk: only root may mount a tmpfs');
  const file = configurationFile(
    disk,
    'c',
    `path = "${join(disk, 'store.db')}"\nreserveBytes = ${8 * MIB}`,
    '[limits]\nqueueBytesMax = "unlimited"\nqueueMessagesMax = "unlimited"\n',
  );
  const broker = await BrokerProcess.start(file);
  onTestFinished(() => broker.kill());
  const connect = overTcp(broker.port);
  const workload = new Workload({ connects: [connect], seed: 7 });
  const work = workload.run(Infinity);
  const { recorder } = workload;
  const client = async (name: string, keepsSession: boolean): Promise<WorkloadClient> => {
    const made = new WorkloadClient(name, 5, recorder);
    expect(await made.connect(connect, { cleanStart: false, keepsSession })).toBe(true);
    return made;
  };
  const absent = await client('absent', true);
  await absent.subscribe('fill', 1, false);
  await absent.disconnect();
  const passing = await client('passing', false);
  await passing.subscribe('quick', 0, false);
  const filler = await client('filler', true);
  const refusals = () =>
    recorder.events.filter(({ type, ...event }) => type === 'fail' && 'result' in event && event.result.reasonCode === quotaExceeded);
  const received = (name: string) =>
    recorder.events.filter((event) => event.type === 'note' && event.note.note === 'received' && event.note.client === name).length;

  // All disks are full at some time, and some find room by themselves a moment later: what SQLite gives back when its log is copied to its place may be
  // enough to go on.
  let sent = 0;
  const fill = async () => {
    for (const before = refusals().length; refusals().length === before; sent += 20) {
      expect(sent * 16_384, 'bytes that the disk took').toBeLessThan(2 * diskBytes);
      await Promise.all(Array.from({ length: 20 }, () => filler.publish('fill', 1, { bytes: 16_384 })));
    }
  };
  const isFullMeanwhile = async () => {
    const before = { refusals: refusals().length, received: received('passing') };
    if (await broker.isReady()) return false;
    await Promise.all([filler.publish('fill', 1), filler.publish('fill', 2)]);
    for (let n = 0; n < 3; n++) await filler.publish('quick', 0);
    await expect.poll(() => received('passing'), { timeout: 20_000 }).toBe(before.received + 3);
    return refusals().length >= before.refusals + 2 && !(await broker.isReady());
  };
  do await fill();
  while (!(await isFullMeanwhile()));

  // Who was away comes, takes what waits, and makes room by that.
  expect(await absent.connect(connect, { cleanStart: false, keepsSession: true })).toBe(true);
  await expect.poll(() => broker.isReady(), { timeout: 60_000 }).toBe(true);
  const taken = received('absent');
  expect(taken).toBeGreaterThan(0);
  await expect
    .poll(
      async () => {
        await filler.publish('fill', 2);
        return received('absent');
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThan(taken);
  // No access rules: these are wills that the full store did not take (docs/guarantees.md).
  const counted = async () => ({ ...(await broker.counted()), refusedWills: await broker.metric('si_mqtt_wills_refused_total') });
  const { plain } = await judged(workload, work, { counted, said: broker.said });
  expect(plain).toBeGreaterThan(500);
});
