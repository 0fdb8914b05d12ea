import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkHistory, overTcp, Workload } from '@si-mqtt/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrokerProcess } from './broker-process.js';

/** How often the broker is killed; `pnpm crash` asks for more. */
const kills = Number(process.env['SI_KILLS'] ?? 20);
const seed = Number(process.env['SI_SEED'] ?? 1);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'si-mqtt-kills-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('kill -9 of the broker on SQLite', () => {
  it.each(['flushed', 'synced'])(
    `%s: nothing acknowledged is lost, QoS 2 comes once`,
    { timeout: 60_000 + kills * 20_000 },
    async (durability) => {
      const file = join(folder, `${durability}.toml`);
      const listener = '[[listeners]]\nname = "tcp"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = 0\n';
      writeFileSync(
        file,
        `${listener}[admin]\nenabled = false\n[log]\nformat = "json"\n[storage]\npath = "${durability}.db"\ndurability = "${durability}"\n`,
      );
      let broker = await BrokerProcess.start(file);
      try {
        const workload = new Workload({ connects: [() => overTcp(broker.port)()], seed });
        let isOver = false;
        const work = workload.run(10_000_000);
        void work.finally(() => {
          isOver = true;
        });
        for (let count = 0; count < Math.ceil(kills / 2) && !isOver; count++) {
          await new Promise((resolve) => setTimeout(resolve, 200 + ((count * 97) % 400)));
          workload.recorder.note({ note: 'crashed' });
          await broker.kill();
          broker = await BrokerProcess.start(file);
        }
        workload.end();
        await work;
        await workload.settle();
        const judgement = checkHistory(workload.events);
        expect(judgement.violations).toEqual([]);
        expect(judgement.judged.plain).toBeGreaterThan(100);
        expect(judgement.judged.shared).toBeGreaterThan(10);
      } finally {
        await broker.kill();
      }
    },
  );
});
