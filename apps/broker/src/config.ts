import { accessSync, closeSync, constants, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { getHeapStatistics } from 'node:v8';
import { type CertificateConfiguration, type Configuration } from './configuration.js';
import { errorCode, fileTrouble, type KeyPath, OperatorError, oneLine, operatorErrorOf } from './problems.js';
import { resolveConfiguration, type Surroundings } from './resolve.js';
import { configurationSchema } from './schema.js';
import { FILE_BYTES_MAX, parseToml, type StringReference } from './toml.js';
import { validate } from './validate.js';

/** What the process was started with. This file is the only one of the broker that reads it. */
export interface Invocation {
  /** Without the program and its script. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** Files and sockets that the process may have open; Infinity: not known. */
  readonly openFilesMax: number;
}

export interface LoadedConfiguration {
  readonly configuration: Configuration;
  /** As messages name it; undefined: no file was found, and the built-in defaults hold. */
  readonly file: string | undefined;
  /** What an operator should know, though nothing is wrong. */
  readonly remarks: readonly string[];
  /** `file:line:column` of a key, or of what stands around it; undefined without a file. */
  locate(path: KeyPath): string | undefined;
}

const DEFAULT_FILE = 'config/config.toml';
/** Of a file that stands for one string. */
const STRING_BYTES_MAX = 64 * 1024;

export function invocationOfProcess(): Invocation {
  return { argv: process.argv.slice(2), environment: process.env, workingFolder: process.cwd(), openFilesMax: openFilesMax() };
}

/** What Linux tells; Node has raised it to the hard limit by now. */
function openFilesMax(): number {
  try {
    const [, files] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return files === undefined ? Number.POSITIVE_INFINITY : Number(files);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Finds, reads and checks the configuration: the named file (`--config`), else the one that `SI_CFG_PATH` names, else
 * `config/config.toml` under the working folder, else the built-in defaults.
 *
 * @throws OperatorError with one line per mistake; a named file that is missing is one
 */
export function loadConfiguration(named: string | undefined, invocation: Invocation): LoadedConfiguration {
  const found = findFile(named, invocation);
  if (found === undefined) {
    const surroundings = surroundingsOf(invocation.workingFolder, invocation);
    const { configuration, remarks } = resolveConfiguration(configurationSchema.parse({}), surroundings);
    return { configuration, file: undefined, remarks, locate: () => undefined };
  }
  const { file, source } = found;
  const folder = dirname(resolve(invocation.workingFolder, file));
  const document = parseToml(source, (reference) => textOf(reference, folder, invocation.environment));
  const validated = validate(document);
  if ('problems' in validated) {
    throw operatorErrorOf(file, validated.problems);
  }
  const { configuration, problems, remarks } = resolveConfiguration(validated.written, surroundingsOf(folder, invocation));
  if (problems.length > 0) {
    throw operatorErrorOf(
      file,
      problems.map(({ path, message }) => ({ position: document.positionOf(path), message })),
    );
  }
  const locate = (path: KeyPath): string => {
    const { line, column } = document.positionOf(path);
    return `${file}:${line}:${column}`;
  };
  return { configuration, file, remarks, locate };
}

function findFile(named: string | undefined, { environment, workingFolder }: Invocation): { file: string; source: string } | undefined {
  const fromEnvironment = environment['SI_CFG_PATH'] || undefined;
  const file = named ?? fromEnvironment ?? DEFAULT_FILE;
  const namedBy = named !== undefined ? '--config' : 'SI_CFG_PATH';
  try {
    return { file, source: readText(resolve(workingFolder, file), FILE_BYTES_MAX) };
  } catch (error) {
    const isNamed = named !== undefined || fromEnvironment !== undefined;
    const isMissing = errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR';
    if (!isNamed && isMissing) {
      return undefined;
    }
    const remedy = isMissing ? `correct ${namedBy}, or create the file` : 'mend it, or name another one with --config';
    throw new OperatorError([oneLine(`${file}:1:1: cannot read the configuration file, ${fileTrouble(error)}: ${remedy}`)]);
  }
}

/** Reads a whole file, which may be a pipe or a device, but never more than `bytesMax`. */
function readText(path: string, bytesMax: number): string {
  const descriptor = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    if (length > bytesMax) {
      throw new Error(`it is larger than ${bytesMax} bytes`);
    }
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, length));
    } catch {
      throw new Error('it is not UTF-8 text');
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The text that `{ env = … }` or `{ file = … }` stands for; a file's last line break does not belong to it. */
function textOf({ kind, name }: StringReference, folder: string, environment: Invocation['environment']): string {
  if (kind === 'env') {
    const text = environment[name];
    if (text === undefined) {
      throw new Error(`the environment variable "${name}" is not set: set it, or write the text itself`);
    }
    return text;
  }
  const path = resolve(folder, name);
  try {
    return readText(path, STRING_BYTES_MAX).replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`cannot read ${path}, ${fileTrouble(error)}: correct the path, or write the text itself`, { cause: error });
  }
}

function surroundingsOf(folder: string, { workingFolder, openFilesMax }: Invocation): Surroundings {
  return {
    openFilesMax,
    loopbackHosts: loopbackHosts(),
    heapBytes: getHeapStatistics().heap_size_limit,
    absolute: (path) => resolve(folder, path),
    inWorkingFolder: (path) => resolve(workingFolder, path),
    unreadable,
    unusableCertificate,
  };
}

/** A machine or container without IPv6 has no ::1 to bind. */
function loopbackHosts(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.some(({ address }) => address === '::1') ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
}

function unreadable(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) {
      return 'it is not a file';
    }
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return fileTrouble(error);
  }
}

function unusableCertificate(files: CertificateConfiguration, certificateAuthorityFile?: string): string | undefined {
  try {
    createSecureContext({
      cert: readFileSync(files.certificateFile),
      key: readFileSync(files.keyFile),
      passphrase: files.keyPassphrase,
      ca: certificateAuthorityFile === undefined ? undefined : readFileSync(certificateAuthorityFile),
    });
    return undefined;
  } catch (error) {
    // OpenSSL says "error:05800074:x509 certificate routines::key values mismatch"; its last part is for people.
    const message = error instanceof Error ? error.message : String(error);
    return `${message.split(':').at(-1) ?? message}`.trim();
  }
}
