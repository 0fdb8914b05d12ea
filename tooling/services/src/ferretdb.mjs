import { existsSync } from 'node:fs';
import { appendFile, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache, debianTree, mountSystem } from './debian-tree.mjs';
import { connects, freePort, newFolder, program, run, startKillable } from './server-process.mjs';

// FerretDB 2 on DocumentDB (an extension of PostgreSQL) speaks the protocol of MongoDB. What passes on it is verified on FerretDB, not on MongoDB.
const version = '2.7.0';
const packages = ['postgresql-18', 'postgresql-18-documentdb'];
const treeName = 'postgresql-18-documentdb';
const binaries = 'usr/lib/postgresql/18/bin';
const binary = join(cache, `ferretdb-${version}`, 'ferretdb');
const source = fileURLToPath(new URL('../ferretdb', import.meta.url));
const configuration = `
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
cron.database_name = 'postgres'
unix_socket_directories = '/tmp'
listen_addresses = '127.0.0.1'
dynamic_shared_memory_type = mmap
`;

export const isFerretdbReady = () => process.getuid?.() === 0 && existsSync(join(cache, treeName)) && existsSync(binary);

export async function installFerretdb() {
  await debianTree(treeName, packages);
  if (existsSync(binary)) return;
  if (program('go') === undefined && !existsSync('/usr/local/go/bin/go'))
    throw new Error('FerretDB is built with Go ≥ 1.24, which is missing');
  const go = program('go') ?? '/usr/local/go/bin/go';
  const folder = await newFolder('ferretdb');
  for (const name of ['go.mod', 'go.sum', 'main.go']) await copyFile(join(source, name), join(folder, name));
  await mkdir(join(binary, '..'), { recursive: true });
  await run('sh', ['-c', `cd '${folder}' && '${go}' build -o '${binary}.new' .`], { seconds: 900 });
  await rename(`${binary}.new`, binary);
  await rm(folder, { recursive: true });
}

/** Undefined unless `installFerretdb` was done. */
export async function startFerretdb({ port } = {}) {
  if (!isFerretdbReady()) return undefined;
  const tree = join(cache, treeName);
  const unmount = await mountSystem(tree);
  const name = `si-mqtt-${process.pid}-${Date.now()}`;
  const data = `/var/lib/${name}`;
  const folder = join(tree, data);
  const log = join(tree, 'tmp', `${name}.log`);
  const postgresPort = await freePort();
  const inTree = (command, ...args) => ['chroot', ['--userspec=postgres:postgres', tree, join('/', binaries, command), ...args]];
  let postgres;
  let ferret;
  try {
    await run('chroot', [tree, 'install', '-d', '-o', 'postgres', '-g', 'postgres', '-m', '700', data]);
    await run(...inTree('initdb', '-D', data, '-A', 'trust', '-U', 'postgres', '--no-locale', '-E', 'UTF8'));
    await appendFile(join(folder, 'postgresql.conf'), configuration);
    const sql = (text) =>
      run(...inTree('psql', '-h', '/tmp', '-p', String(postgresPort), '-U', 'postgres', '-v', 'ON_ERROR_STOP=1', '-Atc', text));
    const [command, args] = inTree('postgres', '-D', data, '-p', String(postgresPort));
    // Fast shutdown is SIGINT; SIGTERM would wait for FerretDB's connections.
    postgres = await startKillable({ command, args, folder, log, signal: 'SIGINT', output: log, isReady: () => sql('SELECT 1') });
    await sql('CREATE EXTENSION documentdb CASCADE');
    const chosen = port ?? (await freePort());
    const state = await newFolder('ferretdb');
    ferret = await startKillable({
      command: binary,
      args: [`postgres://postgres@127.0.0.1:${postgresPort}/postgres`, `127.0.0.1:${chosen}`, state],
      folder: state,
      log: join(state, 'log'),
      isReady: () => connects(chosen),
    });
    const extension = (await sql("SELECT extversion FROM pg_extension WHERE extname = 'documentdb'")).trim();
    return {
      name: 'FerretDB on DocumentDB',
      url: `mongodb://127.0.0.1:${chosen}/`,
      version: `${version}, documentdb ${extension}`,
      get pid() {
        return ferret.pid;
      },
      kill: ferret.kill,
      restart: ferret.restart,
      database: { kill: postgres.kill, restart: postgres.restart },
      stop: async () => {
        await ferret.stop();
        await postgres.stop();
        await rm(log, { force: true });
        await unmount();
      },
    };
  } catch (error) {
    const tail = await readFile(log, 'utf8').catch(() => '');
    await ferret?.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
    await unmount();
    throw new Error(`${error.message}\n${tail.split('\n').slice(-10).join('\n')}`);
  }
}
