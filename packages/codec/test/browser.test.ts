import { readFile } from 'node:fs/promises';
import { createContext, runInContext } from 'node:vm';
import { build } from 'tsup';
import { expect, test } from 'vitest';

/** What a browser adds to the language, as far as the codec may use it. Nothing of Node is there: no Buffer, process, require or global. */
const browserGlobals = { TextEncoder, TextDecoder };

/** The source as one script, the way a bundler for browsers makes it. */
async function bundled(): Promise<string> {
  const folder = new URL('../node_modules/.cache/browser-test', import.meta.url).pathname;
  await build({
    entry: { codec: new URL('../src/index.ts', import.meta.url).pathname },
    outDir: folder,
    format: 'iife',
    globalName: 'codec',
    platform: 'browser',
    target: 'es2022',
    config: false,
    silent: true,
  });
  return await readFile(`${folder}/codec.global.js`, 'utf8');
}

const roundTrip = `
  const received = [];
  const decoder = new codec.Decoder(
    { receive: ({ type, clientId, topicName, payload, properties }) =>
        received.push({ type, clientId, topicName, payload: payload && new TextDecoder().decode(payload), properties }) },
    { from: 'client', maximumPacketSize: 65536 },
  );
  const connect = { type: 'connect', protocolVersion: 5, cleanStart: true, keepAlive: 30, clientId: 'Käfer', userName: 'ä', password: new Uint8Array([1]) };
  const publish = {
    type: 'publish', topicName: 'grün/🌱', payload: new TextEncoder().encode('21,5 °C'), qos: 1, packetId: 7, dup: false, retain: true,
    properties: { contentType: 'text/plain', userProperties: [['a', 'b'], ['a', 'c']] },
  };
  for (const packet of [connect, publish]) for (const byte of codec.encode(packet, 5)) decoder.push(new Uint8Array([byte]));
  let refusal;
  try { decoder.push(new Uint8Array([0x36, 0])); } catch (error) { refusal = [error.name, error.reasonCode]; }
  JSON.stringify({ received, refusal });
`;

test('encodes and decodes where there is nothing but the language and what browsers add to it', async () => {
  const context = createContext({ ...browserGlobals });
  expect(runInContext('[typeof process, typeof Buffer, typeof require, typeof setImmediate].join()', context)).toBe(
    'undefined,undefined,undefined,undefined',
  );
  runInContext(await bundled(), context);
  expect(JSON.parse(String(runInContext(roundTrip, context)))).toEqual({
    received: [
      { type: 'connect', clientId: 'Käfer' },
      {
        type: 'publish',
        topicName: 'grün/🌱',
        payload: '21,5 °C',
        properties: {
          contentType: 'text/plain',
          userProperties: [
            ['a', 'b'],
            ['a', 'c'],
          ],
        },
      },
    ],
    refusal: ['ProtocolError', 0x81],
  });
});
