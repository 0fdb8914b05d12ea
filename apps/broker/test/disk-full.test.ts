import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkHistory, overTcp, Workload, WorkloadClient } from '@si-mqtt/conformance';
import { expect, it, onTestFinished } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { configurationFile } from './databases.js';

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

  // All disks are full at some time.
  for (let sent = 0; refusals().length === 0; sent++) {
    expect(sent * 20 * 16_384, 'bytes that the disk took').toBeLessThan(2 * diskBytes);
    await Promise.all(Array.from({ length: 20 }, () => filler.publish('fill', 1, { bytes: 16_384 })));
  }
  expect(await broker.isReady()).toBe(false);
  const before = refusals().length;
  await Promise.all([filler.publish('fill', 1), filler.publish('fill', 2)]);
  expect(refusals().length).toBeGreaterThanOrEqual(before + 2);
  for (let n = 0; n < 3; n++) await filler.publish('quick', 0);
  await expect.poll(() => received('passing'), { timeout: 20_000 }).toBe(3);
  expect(await broker.isReady(), 'still').toBe(false);

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
  workload.end();
  await work;
  await workload.settle();
  recorder.note({ note: 'refused', count: await broker.metric('si_mqtt_store_refusing_total') });
  const { violations, judged } = checkHistory(workload.events);
  expect(violations).toEqual([]);
  expect(judged.plain).toBeGreaterThan(500);
});
