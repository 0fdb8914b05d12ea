import { describe, expect, it } from 'vitest';
import { type LogStore, StoreRefusal } from '../src/index.js';
import { NoFaults, OneFault, type Outcome, SeededFaults, SimulatedCrash, SimulatedDatabase, SimulatedLogStore } from '../src/simulated.js';
import { logStoreSuite } from './log-store-suite.js';
import { queueRow, record, reference, sessionRow } from './samples.js';

for (const rowsWithRecord of [true, false]) {
  const name = rowsWithRecord ? 'simulated store, rows with their record' : 'simulated store, rows after their record';
  logStoreSuite(name, () => {
    const database = new SimulatedDatabase();
    return Promise.resolve({
      open: () => Promise.resolve(new SimulatedLogStore(database, new NoFaults(), rowsWithRecord)),
      remove: () => Promise.resolve(),
    });
  });

  describe(name, () => {
    const session = reference('c');
    const changes = { put: { sessions: [sessionRow('c')], outq: [1, 2, 3, 4].map((pos) => queueRow(session, pos)) } };
    const append = (store: LogStore, text = 'one') => store.append({ seat: 0, epoch: 1, seq: 1 }, record(text), changes);
    const opened = (database: SimulatedDatabase, faults = new NoFaults()) => new SimulatedLogStore(database, faults, rowsWithRecord);
    const written = async (database: SimulatedDatabase) => {
      const { logRecords, rows } = await opened(database).statistics();
      return [logRecords, rows.outq];
    };

    it.each<[Outcome, number[], number[]]>([
      ['refused', [0, 0], [0, 0]],
      ['unknownLost', [0, 0], [0, 0]],
      ['unknownApplied', [1, 4], [1, 4]],
      ['half', [0, 0], [1, 1]],
      ['appliedLate', [0, 0], [0, 0]],
      ['crashBefore', [0, 0], [0, 0]],
      ['crashAfter', [1, 4], [1, 4]],
      ['crashHalf', [0, 0], [1, 1]],
    ])('a fault: %s; then the same call again', async (fault, withRecord, afterRecord) => {
      const database = new SimulatedDatabase();
      const store = new SimulatedLogStore(database, new OneFault(1, fault), rowsWithRecord);
      await expect(append(store)).rejects.toThrow();
      expect(await written(database)).toEqual(rowsWithRecord ? withRecord : afterRecord);
      if (fault.startsWith('crash')) await expect(append(store)).rejects.toThrow(SimulatedCrash);
      expect(await append(opened(database))).toBe('committed');
      expect(await written(database)).toEqual([1, 4]);
    });

    it('a request that arrives late changes nothing behind a seal', async () => {
      const database = new SimulatedDatabase();
      await expect(append(new SimulatedLogStore(database, new OneFault(1, 'appliedLate'), rowsWithRecord))).rejects.toThrow('lost');
      const next = opened(database);
      expect(await next.seal(0, 1, 1)).toBe(1);
      for (let call = 0; call < 5; call += 1) await next.readSeat(0);
      expect(await written(database)).toEqual([1, 0]);
      expect(await append(next)).toBe('fenced');
    });

    it('a request that arrives late is the own one if nothing else is there', async () => {
      const database = new SimulatedDatabase();
      const store = new SimulatedLogStore(database, new OneFault(1, 'appliedLate'), rowsWithRecord);
      await expect(append(store)).rejects.toThrow('lost');
      for (let call = 0; call < 5; call += 1) await store.readSeat(0);
      expect((await written(database))[0]).toBe(1);
      expect(await append(store)).toBe('committed');
      expect(await written(database)).toEqual([1, 4]);
    });
  });
}

it('faults by chance are the same for the same seed, and reads are only refused', async () => {
  const outcomes = (seed: number) => {
    const faults = new SeededFaults(seed, 0.3, ['refused', 'unknownApplied', 'half']);
    return Array.from({ length: 200 }, (_, call) => faults.outcome('call', call % 2 === 0));
  };
  expect(outcomes(1)).toEqual(outcomes(1));
  expect(outcomes(1)).not.toEqual(outcomes(2));
  expect(outcomes(1).filter((outcome, call) => call % 2 === 1 && !['done', 'refused'].includes(outcome))).toEqual([]);
  const store = new SimulatedLogStore(new SimulatedDatabase(), new SeededFaults(1, 1, ['half']), true);
  await expect(store.readSeat(0)).rejects.toThrow(StoreRefusal);
});
