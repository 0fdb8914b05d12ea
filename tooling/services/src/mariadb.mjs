import { mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort, newFolder, program, run, startKillable } from './server-process.mjs';

/** The packages with the server alone: no system service is enabled, no system data directory made. */
const packages = ['mariadb-server-core', 'mariadb-client-core'];

export async function installMariadb() {
  if (program('mariadbd') !== undefined && program('mariadb-install-db') !== undefined) return;
  if (process.getuid?.() !== 0) throw new Error(`MariaDB is missing; as root: apt-get install ${packages.join(' ')}`);
  await run('apt-get', ['update', '-qq'], { seconds: 180 });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    seconds: 300,
  });
}

/** A server with its own data, as durable as MariaDB can be. With `tls`, paths of PEM files, its user has to show a certificate. */
export async function startMariadb({ port, tls } = {}) {
  const [server, install, client] = ['mariadbd', 'mariadb-install-db', 'mariadb'].map(program);
  if (server === undefined || install === undefined || client === undefined) return undefined;
  const folder = await newFolder('mariadb');
  const [data, socket, log] = ['data', 'socket', 'log'].map((name) => join(folder, name));
  const chosen = port ?? (await freePort());
  const user = userInfo().username;
  // Two installations that share a folder for temporary files disturb each other.
  const env = { TMPDIR: join(folder, 'tmp') };
  await mkdir(env.TMPDIR);
  await run(
    install,
    ['--no-defaults', `--user=${user}`, `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { env },
  );
  const sql = (text) =>
    run(client, ['--no-defaults', `--socket=${socket}`, '--user=root', '--batch', '--skip-column-names'], { input: text });
  const running = await startKillable({
    command: server,
    args: [
      '--no-defaults',
      `--user=${user}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      '--innodb-buffer-pool-size=128M',
      '--innodb-flush-log-at-trx-commit=1',
      '--sync-binlog=1',
      '--log-bin=binlog',
      '--binlog-format=ROW',
      '--character-set-server=utf8mb4',
      ...(tls === undefined ? [] : [`--ssl-ca=${tls.ca}`, `--ssl-cert=${tls.cert}`, `--ssl-key=${tls.key}`]),
      `--datadir=${data}`,
      `--socket=${socket}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--port=${chosen}`,
      '--server-id=1',
      `--log-error=${log}`,
    ],
    env,
    folder,
    log,
    isReady: () => sql('SELECT 1;'),
  });
  // Only on databases of the tests: with all rights it could write to a replica.
  const rule = tls === undefined ? '' : 'REQUIRE X509';
  await sql(`CREATE USER si@'127.0.0.1' IDENTIFIED BY 'si' ${rule}; GRANT ALL ON \`si\\_%\`.* TO si@'127.0.0.1';`);
  const version = (await sql('SELECT VERSION();')).trim();
  return {
    name: 'MariaDB',
    url: `mysql://si:si@127.0.0.1:${chosen}/`,
    version,
    get pid() {
      return running.pid;
    },
    stop: running.stop,
    kill: running.kill,
    restart: running.restart,
  };
}
