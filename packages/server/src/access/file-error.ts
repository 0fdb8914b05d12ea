/** A file of the operator's that cannot be used; the message is one line that begins with the place. Never holds the text of the line. */
export class FileError extends Error {
  readonly path: string;
  /** From 1; undefined if the file as a whole is meant. */
  readonly line: number | undefined;

  constructor(path: string, line: number | undefined, problem: string) {
    super(line === undefined ? `${path}: ${problem}` : `${path}:${line}: ${problem}`);
    this.name = 'FileError';
    this.path = path;
    this.line = line;
  }
}
