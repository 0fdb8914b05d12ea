import { journalSuite } from '@si-mqtt/conformance/vitest';
import { type Env, Message } from '@si-mqtt/session';
import { StoreJournal } from '../src/index.js';
import { NoFaults, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';

const env: Env = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  sleep: (milliseconds, cancelled) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      void cancelled?.then(() => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

for (const rowsWithRecord of [true, false]) {
  journalSuite({
    name: `StoreJournal on the simulated store, rows ${rowsWithRecord ? 'with' : 'after'} their record`,
    start: () => {
      const database = new SimulatedDatabase();
      return Promise.resolve({
        open: () =>
          Promise.resolve(new StoreJournal(new SimulatedLogStore(database, new NoFaults(), rowsWithRecord), env, { watchMilliseconds: 0 })),
        message: (content) =>
          Message.of(
            { payload: new Uint8Array(), qos: 0, retain: false, ...content },
            { clientId: 'publisher', userName: 'user' },
            Date.now(),
          ),
        stop: () => Promise.resolve(),
      });
    },
  });
}
