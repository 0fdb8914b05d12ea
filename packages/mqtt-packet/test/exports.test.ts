import * as theirs from 'mqtt-packet';
import { expect, test } from 'vitest';
import * as ours from '../src/index.js';

test('everything that mqtt-packet exports is exported at the root', () => {
  const names = Object.keys(theirs).filter((name) => name !== 'default' && name !== 'module.exports');
  expect(names.sort()).toEqual(['generate', 'parser', 'writeToStream']);
  expect(Object.keys(ours).sort()).toEqual(names);
  const packet = { cmd: 'puback', messageId: 258 } as const;
  expect(ours.generate(packet)).toEqual(theirs.generate(packet));
});
