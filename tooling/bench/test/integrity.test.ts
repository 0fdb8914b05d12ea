import { expect, test } from 'vitest';
import { type GroupTally, judgeGroup, MemberCheck, noFaults, SequenceCheck } from '../src/generator/integrity.js';

function faultsOf(sequences: readonly number[]): { faults: object; forward: number } {
  const check = new SequenceCheck(1);
  const forward = sequences.reduce((sum, sequence) => sum + check.receive(0, sequence), 0);
  return { faults: check.faults, forward };
}

test('an unbroken sequence has no faults', () => {
  expect(faultsOf([0, 1, 2, 3])).toEqual({ faults: noFaults(), forward: 4 });
});

test('a gap is a loss', () => {
  expect(faultsOf([0, 3])).toEqual({ faults: { ...noFaults(), lost: 2 }, forward: 4 });
});

test('what fills a gap later was out of order, not lost', () => {
  expect(faultsOf([0, 2, 1, 3])).toEqual({ faults: { ...noFaults(), reordered: 1 }, forward: 4 });
});

test('what comes again was duplicated', () => {
  expect(faultsOf([0, 1, 1, 0, 2])).toEqual({ faults: { ...noFaults(), duplicated: 2 }, forward: 3 });
  expect(faultsOf([0, 2, 1, 1])).toEqual({ faults: { ...noFaults(), reordered: 1, duplicated: 1 }, forward: 3 });
});

test('publishers are judged apart', () => {
  const check = new SequenceCheck(2);
  expect([check.receive(0, 0), check.receive(1, 0), check.receive(1, 2), check.receive(0, 1)]).toEqual([1, 1, 2, 1]);
  expect(check.faults).toEqual({ ...noFaults(), lost: 1 });
});

test('a long gap is counted although it is not remembered', () => {
  expect(faultsOf([1_000_000])).toEqual({ faults: { ...noFaults(), lost: 1_000_000 }, forward: 1_000_001 });
});

function groupOf(parts: readonly (readonly number[])[], published: number): object {
  const tallies: GroupTally[] = [{ received: 0, sum: 0 }];
  const faults = noFaults();
  for (const part of parts) {
    const check = new MemberCheck(tallies);
    for (const sequence of part) check.receive(0, sequence);
    faults.reordered += check.faults.reordered;
  }
  const judged = judgeGroup(tallies[0], published);
  return { ...judged, reordered: faults.reordered };
}

test('a group that gets everything once has no faults', () => {
  const parts = [
    [0, 3, 4],
    [1, 2, 5],
  ];
  expect(groupOf(parts, 6)).toEqual(noFaults());
});

test('a group notices loss, duplication, both at once, and wrong order within a member', () => {
  expect(groupOf([[0], [2]], 3)).toEqual({ ...noFaults(), lost: 1 });
  expect(groupOf([[0, 1], [1]], 2)).toEqual({ ...noFaults(), duplicated: 1 });
  expect(groupOf([[0, 1], [1]], 3)).toEqual({ ...noFaults(), lost: 1, duplicated: 1 });
  expect(groupOf([[1, 0], [2]], 3)).toEqual({ ...noFaults(), reordered: 1 });
});
