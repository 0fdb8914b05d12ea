import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cache, debianTree, mountSystem } from './debian-tree.mjs';
import { freePort, run, startKillable } from './server-process.mjs';

/** The real MySQL, which Debian has in sid only; durable by its defaults. */
const treeName = 'mysql-server';

export const isMysqlReady = () => process.getuid?.() === 0 && existsSync(join(cache, treeName));

export async function installMysql() {
  await debianTree(treeName, ['mysql-server']);
}

/** Undefined unless `installMysql` was done. */
export async function startMysql({ port } = {}) {
  if (!isMysqlReady()) return undefined;
  const tree = join(cache, treeName);
  const unmount = await mountSystem(tree);
  const name = `si-mqtt-${process.pid}-${Date.now()}`;
  const data = `/var/lib/${name}`;
  const folder = join(tree, data);
  const log = join(tree, 'tmp', `${name}.log`);
  const socket = `/tmp/${name}.sock`;
  const chosen = port ?? (await freePort());
  const common = ['--no-defaults', '--user=mysql', `--datadir=${data}`, `--log-error=/tmp/${name}.log`];
  const own = [`--socket=${socket}`, `--pid-file=/tmp/${name}.pid`, `--port=${chosen}`, '--bind-address=127.0.0.1', '--mysqlx=OFF'];
  try {
    await run('chroot', [tree, 'install', '-d', '-o', 'mysql', '-g', 'mysql', '-m', '700', data]);
    await run('chroot', [tree, '/usr/sbin/mysqld', ...common, '--initialize-insecure'], { seconds: 180 });
    const sql = (text) => run('chroot', [tree, 'mysql', '--no-defaults', `--socket=${socket}`, '--user=root', '-BNe', text]);
    const running = await startKillable({
      command: 'chroot',
      args: [tree, '/usr/sbin/mysqld', ...common, ...own],
      folder,
      log,
      seconds: 120,
      isReady: () => sql('SELECT 1'),
    });
    await sql("CREATE USER si@'127.0.0.1' IDENTIFIED BY 'si'; GRANT ALL ON `si\\_%`.* TO si@'127.0.0.1';");
    const version = (await sql('SELECT VERSION()')).trim();
    return {
      name: 'MySQL',
      url: `mysql://si:si@127.0.0.1:${chosen}/`,
      version,
      get pid() {
        return running.pid;
      },
      stop: async () => {
        await running.stop();
        await unmount();
      },
      kill: running.kill,
      restart: running.restart,
    };
  } catch (error) {
    await run('rm', ['-rf', folder]);
    await unmount();
    throw error;
  }
}
