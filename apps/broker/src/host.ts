import { type EventEmitter } from 'node:events';
import { type Readable, type Writable } from 'node:stream';
import { type Invocation, invocationOfProcess } from './config.js';

/** The process around the command, or what a test puts in its place. */
export interface Host {
  readonly invocation: Invocation;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  /** Emits SIGTERM, SIGINT and SIGHUP. */
  readonly signals: EventEmitter;
  /** Ends the process at once. */
  exit(code: number): void;
}

export function hostOfProcess(): Host {
  const { stdin, stdout, stderr } = process;
  return { invocation: invocationOfProcess(), stdin, stdout, stderr, signals: process, exit: (code) => process.exit(code) };
}
