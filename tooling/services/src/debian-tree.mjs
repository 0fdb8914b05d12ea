// A Debian system in a folder, for servers that the machine's own release does not have. It is made once, as root, and kept in a cache folder outside
// the checkout.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { program, run } from './server-process.mjs';

export const cache = process.env.SI_SERVICES_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'si-mqtt', 'services');

/** The mirror that this machine installs its own packages from. */
function mirror() {
  const release = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])];
  for (const file of files.filter(existsSync)) {
    const text = readFileSync(file, 'utf8');
    for (const paragraph of text.split(/\n\s*\n/)) {
      const uri = /^URIs:\s*(\S+)/m.exec(paragraph)?.[1];
      if (uri && new RegExp(`^Suites:.*\\b${release}\\b(?!-)`, 'm').test(paragraph)) return uri;
    }
    const line = new RegExp(`^deb\\s+(?:\\[[^\\]]*\\]\\s+)?(\\S+)\\s+${release}\\s`, 'm').exec(text);
    if (line) return line[1];
  }
  throw new Error(`no mirror for Debian ${release} in the configuration of apt`);
}

const isRoot = () => process.getuid?.() === 0;

/** Makes a tree of Debian sid with these packages, unless the cache has it. Returns its path. */
export async function debianTree(name, packages) {
  const tree = join(cache, name);
  if (existsSync(tree)) return tree;
  if (!isRoot()) throw new Error(`${name} is not in ${cache}, and only root can make it`);
  const base = join(cache, 'debian-sid');
  await mkdir(cache, { recursive: true });
  if (!existsSync(base)) {
    if (program('debootstrap') === undefined) {
      const env = { DEBIAN_FRONTEND: 'noninteractive' };
      await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'debootstrap'], { env, seconds: 180 });
    }
    await rm(`${base}.new`, { recursive: true, force: true });
    await run('debootstrap', ['--variant=minbase', 'sid', `${base}.new`, mirror()], { seconds: 900 });
    await rename(`${base}.new`, base);
  }
  const fresh = `${tree}.new`;
  await rm(fresh, { recursive: true, force: true });
  await run('cp', ['-a', base, fresh]);
  // No package starts a service in there.
  await writeFile(join(fresh, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n');
  await chmod(join(fresh, 'usr/sbin/policy-rc.d'), 0o755);
  const unmount = await mountSystem(fresh);
  try {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await run('chroot', [fresh, 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages], { env, seconds: 900 });
  } finally {
    await unmount();
  }
  await rename(fresh, tree);
  return tree;
}

/** Packages and servers need `/proc` and `/dev`, PostgreSQL also shared memory. Returns how to undo it. */
export async function mountSystem(tree) {
  const mounted = readFileSync('/proc/mounts', 'utf8');
  const undo = [];
  const mount = async (target, ...args) => {
    if (mounted.includes(` ${join(tree, target)} `)) return;
    await run('mount', [...args, join(tree, target)]);
    undo.unshift(target);
  };
  await mount('proc', '--bind', '/proc');
  await mount('dev', '--bind', '/dev');
  return async () => {
    for (const target of undo) await run('umount', ['--lazy', join(tree, target)]);
  };
}
