// `pnpm services`: starts the database servers that the tests can use, in Docker or, where there is none, installed here (as root), prints the
// variables that say where they are, and stops them at Ctrl-C. `pnpm services -- COMMAND …` runs the command with these variables instead, and stops the servers when it has ended.
import { spawn } from 'node:child_process';
import { dockerWorks, sourceOf, startWithDocker } from './docker.mjs';
import { installFerretdb, installMariadb, installMysql, startFerretdb, startMariadb, startMysql } from './index.mjs';

const kinds = [
  { variable: 'SI_MARIADB_URL', container: 'mariadb', install: installMariadb, start: startMariadb },
  { variable: 'SI_MYSQL_URL', container: 'mysql', install: installMysql, start: startMysql },
  { variable: 'SI_MONGODB_URL', container: 'mongodb', install: installFerretdb, start: startFerretdb },
];

const command = process.argv.slice(2).filter((word, index) => index > 0 || word !== '--');
const services = [];
const env = {};
let interrupted = () => undefined;
const interrupt = new Promise((resolve) => (interrupted = resolve));
process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
let status = 0;
try {
  const hasDocker = await dockerWorks();
  for (const { variable, container, install, start } of kinds) {
    const given = process.env[variable];
    const source = sourceOf({ given, hasDocker });
    if (source === 'given') {
      console.log(`${variable}=${given}   # given`);
      continue;
    }
    try {
      if (source === 'installed') await install();
      const service = await (source === 'docker' ? startWithDocker(container) : start());
      services.push(service);
      env[variable] = service.url;
      const what = [service.name, service.version, service.pid === undefined ? '' : `pid ${service.pid}`].filter((word) => word !== '');
      console.log(`${variable}=${service.url}   # ${what.join(', ')}`);
    } catch (error) {
      status = 1;
      console.error(`${variable} is not there: ${error.message}`);
    }
  }
  if (command.length === 0) {
    console.log('Ctrl-C stops them.');
    await interrupt;
  } else if (status === 0) {
    const child = spawn(command[0], command.slice(1), { stdio: 'inherit', env: { ...process.env, ...env } });
    void interrupt.then(() => child.kill('SIGTERM'));
    status = await new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)).once('error', () => resolve(127)));
  }
} finally {
  await Promise.all(services.map(({ stop }) => stop()));
}
process.exit(status);
