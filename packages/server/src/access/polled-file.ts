import { open, stat } from 'node:fs/promises';
import { type Env } from '@si-mqtt/session';
import { FileError } from './file-error.js';

/** How a password or access file is opened and kept up to date. */
export interface PolledFileOptions {
  readonly path: string;
  /** The file is polled through this clock until `close`; without one it is read by `reload` alone. */
  readonly env?: Pick<Env, 'sleep'>;
  /** 5,000 by default. */
  readonly pollMilliseconds?: number;
  /** Called after new content took effect. */
  readonly onReload?: () => void;
  /** Called when a changed file cannot be used, once per change; the content before it stays in force. */
  readonly onError?: (error: FileError) => void;
}

const pollMillisecondsDefault = 5000;
const fileBytesMax = 256 * 1024 * 1024;

/**
 * A file that is read again when it changes. It is polled by its status rather than watched, because Kubernetes swaps symbolic links
 * above the file, which file watches do not see.
 */
export class PolledFile<Content> {
  readonly #options: PolledFileOptions;
  readonly #parse: (text: string, path: string) => Content;
  readonly #closed: Promise<void>;
  #close!: () => void;
  #isClosed = false;
  #path: string;
  #content!: Content;
  #text = '';
  /** Of what was last used, or could not be used. */
  #status = '';
  #version = 0;

  private constructor(options: PolledFileOptions, parse: (text: string, path: string) => Content) {
    this.#options = options;
    this.#path = options.path;
    this.#parse = parse;
    this.#closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  /** Rejects with a `FileError` if the file is missing or wrong. */
  static async open<Content>(options: PolledFileOptions, parse: (text: string, path: string) => Content): Promise<PolledFile<Content>> {
    const file = new PolledFile(options, parse);
    const use = await file.prepare();
    use();
    if (options.env !== undefined) void file.#poll(options.env);
    return file;
  }

  get content(): Content {
    return this.#content;
  }

  /** From 1; grows with each new content. */
  get version(): number {
    return this.#version;
  }

  /**
   * Reads the file again, or another one that takes its place from then on. Nothing changes until what it resolves to is called. Rejects with
   * a `FileError` if the file cannot be used.
   */
  async prepare(path: string = this.#path): Promise<() => void> {
    let status = '';
    try {
      // The status is taken before the text is read: a change in between is seen by the next poll.
      status = await readStatus(path);
      const text = await readText(path);
      const isKnown = this.#version > 0 && text === this.#text;
      const content = isKnown ? this.#content : this.#parse(text, path);
      return () => {
        this.#path = path;
        this.#status = status;
        if (isKnown) return;
        this.#text = text;
        this.#content = content;
        this.#version++;
      };
    } catch (error) {
      // Whoever asked is told; the poll does not tell it again. A missing file is a change like any other.
      if (path === this.#path) this.#status = status || (error as FileError).message;
      throw error;
    }
  }

  /** Ends the polling. */
  close(): void {
    this.#isClosed = true;
    this.#close();
  }

  async #poll(env: Pick<Env, 'sleep'>): Promise<void> {
    const milliseconds = this.#options.pollMilliseconds ?? pollMillisecondsDefault;
    while (!this.#isClosed) {
      await env.sleep(milliseconds, this.#closed);
      if (!this.#isClosed) await this.#readIfChanged();
    }
  }

  async #readIfChanged(): Promise<void> {
    const path = this.#path;
    const before = this.#version;
    try {
      if ((await readStatus(path).catch(messageOf)) === this.#status) return;
      const use = await this.prepare(path);
      // Another file may have taken its place meanwhile.
      if (path !== this.#path) return;
      use();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#options.onError?.(error);
    }
    if (this.#version !== before) this.#options.onReload?.();
  }
}

function messageOf({ message }: FileError): string {
  return message;
}

/** Differs after every change of the file. Follows links, so that one which points elsewhere is a change, too. Rejects with Node's error. */
export async function fileStatus(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

async function readStatus(path: string): Promise<string> {
  try {
    return await fileStatus(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The file's text. Rejects with a `FileError`. */
export async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const handle = await open(path, 'r');
    try {
      if ((await handle.stat()).size > fileBytesMax) throw new FileError(path, undefined, `is larger than ${fileBytesMax} bytes`);
      bytes = await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof FileError ? error : unreadable(path, error);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FileError(path, undefined, 'is not UTF-8 text');
  }
}

function unreadable(path: string, error: unknown): FileError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new FileError(path, undefined, 'does not exist; create it or correct the path');
  if (code === 'EACCES') return new FileError(path, undefined, 'cannot be read; give the broker permission to read it');
  return new FileError(path, undefined, `cannot be read (${code ?? 'unknown error'})`);
}
