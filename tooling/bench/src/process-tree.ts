import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** `sysconf(_SC_CLK_TCK)`, which Linux fixes for everything that user space sees. */
const TICKS_PER_SECOND = 100;

/** What processes have used. */
export interface Usage {
  /** User and system time. */
  readonly cpuSeconds: number;
  /** Resident memory, pages that processes share counted for each of them. */
  readonly residentBytes: number;
}

/** Whether the operating system says here what other processes have used. */
export const canReadUsage: boolean = existsSync('/proc/self/stat');

/**
 * What a process and its descendants have used, from /proc. Linux only.
 * @throws Error if there is no such process
 */
export function usageOfTree(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in parentheses, which may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  let cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  let residentBytes = residentBytesOf(pid);
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    for (const child of childrenOf(pid, thread)) {
      try {
        const usage = usageOfTree(child);
        cpuSeconds += usage.cpuSeconds;
        residentBytes += usage.residentBytes;
      } catch {
        // It has ended since the list was read.
      }
    }
  }
  return { cpuSeconds, residentBytes };
}

/** In kB, as /proc/PID/status has it, whatever the size of a page. */
function residentBytesOf(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) * 1024;
}

function childrenOf(pid: number, thread: string): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Time in seconds that all cores together were not idle, of whatever process, or were taken by other guests of the host. */
export function busySecondsOfMachine(): number {
  const [user, nice, system, _idle, _waiting, ...interruptsAndSteal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/\s+/)
    .slice(1, 9)
    .map(Number);
  return (user + nice + system + interruptsAndSteal.reduce((sum, ticks) => sum + ticks, 0)) / TICKS_PER_SECOND;
}
