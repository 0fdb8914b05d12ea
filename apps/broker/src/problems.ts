/** A place in a configuration file; both count from 1, the column in characters as an editor shows them. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Keys from the root of the configuration, with the index for an element of an array. */
export type KeyPath = readonly (string | number)[];

/** One mistake of an operator: where, what is wrong, what to do about it. */
export interface Problem {
  readonly position: Position;
  /** "what is wrong: what to do", in one line. Names keys and paths, never other values: they may be secrets. */
  readonly message: string;
}

/** What an operator has to know: shown as it is, one line each, without a stack trace. */
export class OperatorError extends Error {
  readonly lines: readonly string[];
  /** Whether another attempt may succeed although nothing is changed: a port is in use, a database away. Otherwise it is a mistake. */
  readonly mayPass: boolean;

  constructor(lines: readonly string[], { mayPass = false }: { readonly mayPass?: boolean } = {}) {
    super(lines.join('\n'));
    this.name = 'OperatorError';
    this.lines = lines;
    this.mayPass = mayPass;
  }
}

export function operatorErrorOf(file: string, problems: readonly Problem[]): OperatorError {
  const sorted = problems.toSorted((a, b) => a.position.line - b.position.line || a.position.column - b.position.column);
  return new OperatorError(sorted.map(({ position, message }) => `${file}:${position.line}:${position.column}: ${oneLine(message)}`));
}

/** Control characters of a file name or a key must not be able to forge lines or to talk to the terminal. */
export function oneLine(message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  return message.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, 1000);
}

/** The `code` of a system error, e.g. `ENOENT`; undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Why a file could not be used, in words, without its path. */
export function fileTrouble(error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'it does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'permission is missing';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
