// The servers from compose.yaml, on a machine with Docker.
import { fileURLToPath } from 'node:url';
import { program, run } from './server-process.mjs';

const file = fileURLToPath(new URL('../compose.yaml', import.meta.url));
/** Downloads images the first time. */
const upSeconds = 900;

/** Where a server comes from: the URL that somebody gives, else Docker, else packages of the system, which only root may install. */
export function sourceOf({ given, hasDocker }) {
  if (given) return 'given';
  return hasDocker ? 'docker' : 'installed';
}

/** Whether there are both, Docker's engine and its `compose`, and this user may use them. */
export async function dockerWorks() {
  const docker = program('docker');
  if (docker === undefined) return false;
  const works = (...args) =>
    run(docker, args, { seconds: 20 }).then(
      () => true,
      () => false,
    );
  return (await works('compose', 'version')) && (await works('info'));
}

/** One server of compose.yaml, in a project of this process's own. */
export async function startWithDocker(name) {
  const docker = program('docker');
  const project = `si-mqtt-${name}-${process.pid}`;
  const compose = (args, seconds) => run(docker, ['compose', '--file', file, '--project-name', project, ...args], { seconds });
  const stop = () => compose(['down', '--volumes', '--timeout', '10'], 60);
  try {
    await compose(['up', '--detach', '--wait', name], upSeconds);
    // As `127.0.0.1:49153`.
    const address = (await compose(['port', name, name === 'mongodb' ? '27017' : '3306'], 20)).trim();
    // Whoever asked the set for its members would get the port inside of the container.
    const url = name === 'mongodb' ? `mongodb://${address}/?directConnection=true` : `mysql://si:si@${address}/`;
    return { name: `${name} in Docker`, url, version: project, stop };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}
