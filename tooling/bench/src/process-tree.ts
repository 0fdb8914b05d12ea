import { readdirSync, readFileSync } from 'node:fs';

/** `sysconf(_SC_CLK_TCK)`, which Linux fixes for everything that user space sees. */
const TICKS_PER_SECOND = 100;

/**
 * User and system time in seconds that a process and its descendants have used, from /proc. Linux only.
 * @throws Error if there is no such process
 */
export function cpuSecondsOfTree(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in parentheses, which may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  let seconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    for (const child of childrenOf(pid, thread)) {
      try {
        seconds += cpuSecondsOfTree(child);
      } catch {
        // It has ended since the list was read.
      }
    }
  }
  return seconds;
}

function childrenOf(pid: number, thread: string): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
