import { overUrl, type TlsSettings } from '../connectors.js';
import { junitReport } from '../report/junit.js';
import { markdownReport } from '../report/markdown.js';
import { isBroken, makeReport, type Report } from '../report/report.js';
import { textReport } from '../report/text.js';
import { runWireTests } from '../run-wire-tests.js';
import { packageVersion } from '../statements.js';
import { type Target } from '../target.js';
import { nameOf, versionNames, type WireTest } from '../wire-test.js';
import { wireTests } from '../wire-tests.js';
import { type CommandLine, parseCommandLine, UsageError, usage } from './arguments.js';
import { readText, writeText } from './files.js';
import { chooseVersions } from './preflight.js';
import { Progress, type Terminal } from './progress.js';
import { readTargetFile, type TargetFile } from './target-file.js';

/** What the command uses of its process. */
export interface Host {
  readonly argv: readonly string[];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: Terminal;
  /** Ctrl-C. The reason is an `Interruption`. */
  readonly signal: AbortSignal;
}

/** The user wants the command to end. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('interrupted');
    this.exitCode = exitCode;
  }
}

const EXIT_BROKEN = 1;
const EXIT_UNJUDGED = 2;

/** The whole `si-mqtt-conformance` command. Resolves to the exit code; rejects only for a defect of ours. */
export async function runCommand(host: Host): Promise<number> {
  try {
    const line = parseCommandLine(host.argv);
    if (line === 'help') host.stdout.write(usage);
    else if (line === 'version') host.stdout.write(`${packageVersion()}\n`);
    else return await judge(line, host);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    host.stderr.write(`si-mqtt-conformance: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
    return EXIT_UNJUDGED;
  }
}

async function judge(line: CommandLine, host: Host): Promise<number> {
  const target = targetOf(line);
  const candidates = wireTests.filter((test) => matchesAny(test, line.filters));
  if (candidates.length === 0) throw new UsageError(`no test matches ${line.filters.join(' or ')}`);
  const timeoutMilliseconds = line.timeoutSeconds * 1000;
  const versions = await chooseVersions(target, line.versions, timeoutMilliseconds);
  const tests = candidates.filter(({ version }) => versions.includes(version));
  if (tests.length === 0)
    throw new UsageError(`no test of ${versions.map((version) => versionNames[version]).join(', ')} matches the filter`);

  const progress = new Progress(host.stderr, tests.length);
  const limit = AbortSignal.timeout(line.timeLimitSeconds * 1000);
  const startedAt = new Date().toISOString();
  const begun = performance.now();
  const { results, stopped } = await runWireTests(tests, target, {
    timeoutMilliseconds,
    testMillisecondsMax: Math.max(60_000, timeoutMilliseconds * 10),
    concurrency: line.concurrency,
    signal: AbortSignal.any([host.signal, limit]),
    onStart: (test) => progress.started(test),
    onResult: (result) => progress.finished(result),
  });
  progress.end();
  if (stopped instanceof Interruption) {
    host.stderr.write(`stopped after ${results.length} of ${tests.length} tests; what they left on the broker is removed\n`);
    return stopped.exitCode;
  }
  const incomplete = limit.aborted ? `the time limit of ${line.timeLimitSeconds} s was reached` : stopped?.message;
  const report = makeReport({
    tool: `@si-mqtt/conformance ${packageVersion()}`,
    target: target.name,
    startedAt,
    seconds: Math.round((performance.now() - begun) / 100) / 10,
    ...(incomplete === undefined ? {} : { incomplete }),
    tests,
    results,
    isWhole: line.filters.length === 0,
  });
  return publish(report, line, host);
}

function matchesAny(test: WireTest, filters: readonly string[]): boolean {
  const name = `${versionNames[test.version]} ${nameOf(test)}`.toLowerCase();
  return filters.length === 0 || filters.some((filter) => name.includes(filter.toLowerCase()));
}

function targetOf(line: CommandLine): Target {
  const tls: TlsSettings = {
    ...(line.caFile === undefined ? {} : { ca: readText(line.caFile) }),
    ...(line.certificateFile === undefined ? {} : { cert: readText(line.certificateFile) }),
    ...(line.keyFile === undefined ? {} : { key: readText(line.keyFile) }),
    rejectUnauthorized: !line.insecure,
  };
  const file: TargetFile = line.targetFile === undefined ? {} : readTargetFile(line.targetFile, tls);
  try {
    return {
      name: file.name ?? line.url,
      connect: overUrl(line.url, tls),
      tls,
      settings: {
        ...(/^wss?:/.test(line.url) ? { webSocketUrl: line.url } : {}),
        ...file.settings,
        ...(line.userName === undefined ? {} : { userName: line.userName }),
        ...(line.password === undefined ? {} : { password: line.password }),
        ...(line.topicPrefix === undefined ? {} : { topicPrefix: line.topicPrefix }),
      },
      variants: file.variants ?? {},
    };
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** Writes the reports; the table goes to standard output unless one of them does. */
function publish(report: Report, line: CommandLine, host: Host): number {
  const wanted: readonly (readonly [file: string | undefined, content: () => string])[] = [
    [line.json, () => `${JSON.stringify(report, null, 2)}\n`],
    [line.junit, () => junitReport(report)],
    [line.markdown, () => markdownReport(report)],
  ];
  for (const [file, content] of wanted) {
    if (file === '-') host.stdout.write(content());
    else if (file !== undefined) writeText(file, content());
  }
  if (!wanted.some(([file]) => file === '-')) host.stdout.write(textReport(report));
  if (report.incomplete !== undefined) throw new UsageError(report.incomplete);
  return isBroken(report) ? EXIT_BROKEN : 0;
}
