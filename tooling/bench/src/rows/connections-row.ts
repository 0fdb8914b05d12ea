import { measureConnections } from '../generator/generator.js';
import { BYTES_PER_CONNECTION, CPU_PER_CONNECTION, type Goal, type Row } from './row.js';

const CONNECTIONS = 9000;

interface ConnectionsRow {
  readonly memory?: Goal;
  readonly cpu?: Goal;
  /** Whether each has a subscription of its own. */
  readonly subscribe?: boolean;
  readonly protocolVersion?: 4 | 5;
}

/** What 9,000 connections cost and hold. */
export function connectionsRow(name: string, title: string, { memory, cpu, subscribe = false, protocolVersion = 4 }: ConnectionsRow): Row {
  return {
    name,
    title,
    setup: 'memory',
    figures: [
      { key: BYTES_PER_CONNECTION, label: 'memory per connection', unit: 'kB', goal: memory },
      { key: CPU_PER_CONNECTION, label: 'CPU per connect', unit: 'µs', goal: cpu },
    ],
    async measure({ host, port, pid }) {
      const found = await measureConnections({ host, port, protocolVersion, connections: CONNECTIONS, subscribe }, pid);
      const bytes = found.residentBytesPerConnection;
      return {
        values: { [BYTES_PER_CONNECTION]: bytes && bytes / 1024, [CPU_PER_CONNECTION]: found.cpuMicrosecondsPerConnection },
        perSecond: found.connectionsPerSecond,
      };
    },
  };
}
