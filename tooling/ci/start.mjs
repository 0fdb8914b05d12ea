// `npm start` as on a fresh machine: in a clone without anything installed. It has to install, build and serve; a message has to pass; and SIGTERM has to end it.
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from '../run.mjs';
import { freePort, served } from '../served.mjs';

/** Installing included; serving itself takes less than a second. */
const START_SECONDS_MAX = 150;
const EXCHANGE_MILLISECONDS_MAX = 5000;

/** MQTT 3.1.1: CONNECT, SUBSCRIBE to `started` at QoS 0, PUBLISH `yes` to it; and what has to come back. */
const sent = [
  [0x10, 14, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 0, 0, 2, ...Buffer.from('ci')],
  [0x82, 12, 0, 1, 0, 7, ...Buffer.from('started'), 0],
  [0x30, 12, 0, 7, ...Buffer.from('started'), ...Buffer.from('yes')],
].flat();
const expected = Buffer.from([0x20, 2, 0, 0, 0x90, 3, 0, 1, 0, ...sent.slice(-14)]);

async function exchange(port) {
  const socket = connect(port, '127.0.0.1').setTimeout(EXCHANGE_MILLISECONDS_MAX, () => socket.destroy());
  let received = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length >= expected.length) socket.end();
  });
  socket.write(Buffer.from(sent));
  await once(socket, 'close');
  return received.equals(expected) ? undefined : `expected ${expected.toString('hex')}, received ${received.toString('hex')}`;
}

const temporary = mkdtempSync(join(tmpdir(), 'si-mqtt-start-'));
try {
  const clone = join(temporary, 'clone');
  const cloned = await run('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, clone]);
  if (cloned.status !== 0) throw new Error(cloned.output);
  const port = await freePort();
  const configuration = join(temporary, 'config.toml');
  writeFileSync(
    configuration,
    `[admin]\nenabled = false\n[[listeners]]\nname = "tcp"\ntype = "tcp"\nhosts = ["127.0.0.1"]\nport = ${port}\n`,
  );
  const begun = performance.now();
  let startSeconds = 0;
  const settings = { cwd: clone, env: { ...process.env, SI_CFG_PATH: configuration }, port, startSecondsMax: START_SECONDS_MAX };
  const problem = await served('npm', ['start'], settings, () => {
    startSeconds = (performance.now() - begun) / 1000;
    return exchange(port);
  });
  if (problem !== undefined) throw new Error(`npm start in a clone failed\n${problem}`);
  if (!existsSync(join(clone, 'data'))) throw new Error('npm start has not made its embedded store in data/');
  console.log(`npm start in a clone: served after ${startSeconds.toFixed(1)} s, passed a message, and stopped`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
