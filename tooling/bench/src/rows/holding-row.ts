import { measureHolding } from '../generator/generator.js';
import { type HoldingLoad } from '../generator/load.js';
import { CPU_EACH, type Goal, KILOBYTES_EACH, type Row } from './row.js';

interface HoldingRow {
  /** What is counted: `connection`, `subscription`, … */
  readonly unit: string;
  readonly memory?: Goal;
  readonly cpu?: Goal;
  readonly load: Partial<Omit<HoldingLoad, 'host' | 'port'>>;
}

/** What a broker takes to hold many things: memory for each in a freshly started process, and the processor time to get there. */
export function holdingRow(name: string, title: string, { unit, memory, cpu, load }: HoldingRow): Row {
  const { protocolVersion = 4, connections = 9000, subscriptionsEach = 0, retainedEach = 0 } = load;
  const count = unit === 'connection' ? connections : connections * (subscriptionsEach + retainedEach);
  return {
    name,
    title,
    setup: 'memory',
    figures: [
      { key: KILOBYTES_EACH, label: `memory per ${unit}`, unit: 'kB', goal: memory },
      { key: CPU_EACH, label: `CPU per ${unit}`, unit: 'µs', goal: cpu },
    ],
    async measure({ host, port, pid }) {
      const found = await measureHolding({ host, port, protocolVersion, connections, subscriptionsEach, retainedEach }, pid);
      const usage = found.usage;
      return {
        values: { [KILOBYTES_EACH]: usage && usage.residentBytes / 1024 / count, [CPU_EACH]: usage && (usage.cpuSeconds * 1e6) / count },
        perSecond: count / found.seconds,
      };
    },
  };
}
