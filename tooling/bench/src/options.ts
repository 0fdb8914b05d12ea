import { parseArgs } from 'node:util';
import { BARE_LOOP, type Broker, brokerOfCommand, brokerOfUrl, installedBrokers } from './brokers/brokers.js';

/** What the command line asks for. */
export interface Options {
  readonly mode: string;
  /** What follows the mode. */
  readonly operands: readonly string[];
  /** @param all also those that take part only in the whole matrix */
  brokers(all: boolean): readonly Broker[];
  readonly runs: number | undefined;
  readonly seconds: number | undefined;
  readonly processes: number | undefined;
  /** Reports of earlier runs instead of new ones. */
  readonly reuse: boolean;
}

export const usage = `npm run bench                    the rows that were promised, three runs, under ten minutes
npm run bench -- accept          the same, five runs, a quarter of an hour
npm run bench -- row NAME…       some rows, of any mode, by the beginning of their names
npm run bench -- full            the whole matrix, against every broker that is installed, in less than half an hour
npm run bench -- scale           cost as subscriptions, topics, connections and payload grow
npm run bench -- durable         QoS 1 to persistent sessions, on SQLite and each database server that is here (or only those that are named)
npm run bench -- compare         the promised rows; says where they are more than 15 % worse than tooling/bench/baseline.json
npm run bench -- baseline        the promised rows become the baseline
npm run bench -- document        accept, full, scale, codec and durable, written into docs/benchmarks.md (or only those that are named)
npm run bench -- list            names of all rows

  --brokers A,B                  only these, in this order; ours, mosquitto and aedes otherwise. bare-loop forwards QoS 0 and is no broker
  --broker NAME='COMMAND'        another one: {port}, {folder} and {config} (as for si-mqtt) are replaced
  --url NAME=mqtt://HOST:PORT    one that runs already; --pid NAME=PID tells its process, so that its CPU can be read
  --runs N  --seconds N          how often and how long each is measured
  --processes N                  of the generator
  --reuse                        nothing is measured: what the last run of this mode has left in .cache/bench
`;

/** Others take part when they are named, and in the whole matrix. */
const USUAL = ['si-mqtt', 'mosquitto', 'aedes'];

/** @throws Error with one line for the reader */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      brokers: { type: 'string' },
      broker: { type: 'string', multiple: true, default: [] },
      url: { type: 'string', multiple: true, default: [] },
      pid: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      processes: { type: 'string' },
      reuse: { type: 'boolean', default: false },
    },
  });
  const [mode = 'default', ...operands] = positionals;
  const pids = new Map(values.pid.map(named).map(([name, pid]) => [name, positive(pid, '--pid')]));
  const added = [
    ...values.broker.map(named).map(([name, command]) => brokerOfCommand(name, command)),
    ...values.url.map(named).map(([name, url]) => brokerOfUrl(name, url, pids.get(name))),
  ];
  const installed = installedBrokers();
  return {
    mode,
    operands,
    brokers: (all) => chosen(installed, added, values.brokers?.split(','), all),
    runs: values.runs === undefined ? undefined : positive(values.runs, '--runs'),
    seconds: values.seconds === undefined ? undefined : positive(values.seconds, '--seconds'),
    processes: values.processes === undefined ? undefined : positive(values.processes, '--processes'),
    reuse: values.reuse,
  };
}

function chosen(installed: readonly Broker[], added: readonly Broker[], names: readonly string[] | undefined, all: boolean): Broker[] {
  const every = [...installed, ...added];
  if (names === undefined) return [...installed.filter(({ name }) => (all ? name !== BARE_LOOP : USUAL.includes(name))), ...added];
  return names.map((name) => {
    const broker = every.find((one) => one.name === name);
    if (broker === undefined) throw new Error(`there is no broker ${name} here, only ${every.map((one) => one.name).join(', ')}`);
    return broker;
  });
}

function named(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at <= 0) throw new Error(`${text}: expected NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function positive(text: string, option: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${option} ${text}: expected a number above 0`);
  return value;
}
