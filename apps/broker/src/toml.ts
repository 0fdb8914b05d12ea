import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';
import { type KeyPath, type Position, type Problem } from './problems.js';

/** Far more than any configuration needs; the parser keeps every character as a token. */
export const FILE_BYTES_MAX: number = 1024 * 1024;
const NESTING_MAX = 32;

/** `{ env = "NAME" }` or `{ file = "path" }`, where a string is expected. */
export interface StringReference {
  readonly kind: 'env' | 'file';
  readonly name: string;
}

export interface TomlDocument {
  /** Objects have no prototype, so that no key of the file can be taken for one of JavaScript's own. */
  readonly value: Record<string, unknown>;
  readonly problems: readonly Problem[];
  /** Where the key stands, or the element of an array; for a key that is absent, where the table or element around it stands. */
  positionOf(path: KeyPath): Position;
}

interface Place {
  position: Position;
  readonly inside: Map<string | number, Place>;
}

type Table = Record<string, unknown>;

/** Thrown from within a value; becomes a problem of the document. */
class Misplaced extends Error {
  readonly position: Position;

  constructor(message: string, position: Position) {
    super(message);
    this.position = position;
  }
}

/**
 * Takes values and positions from one syntax tree.
 *
 * @param resolve gives the text behind a reference, or throws an Error whose message is "what is wrong: what to do"
 */
export function parseToml(source: string, resolve: (reference: StringReference) => string): TomlDocument {
  const reader = new TomlReader(resolve);
  try {
    const program = parseTOML(source.startsWith('\uFEFF') ? source.slice(1) : source, { tomlVersion: '1.0' });
    reader.read(program.body[0]);
  } catch (error) {
    reader.problems.push(syntaxProblem(error));
  }
  const { value, root, problems } = reader;
  return { value, problems, positionOf: (path) => placeOf(root, path).position };
}

function syntaxProblem(error: unknown): Problem {
  if (error instanceof Misplaced) {
    return { position: error.position, message: error.message };
  }
  if (error instanceof ParseError) {
    const remedy = error.message.startsWith('Defining a key') ? 'remove one of them' : 'see https://toml.io/en/v1.0.0';
    return {
      position: { line: error.lineNumber, column: error.column + 1 },
      message: `not valid TOML, ${lowerFirst(error.message)}: ${remedy}`,
    };
  }
  if (error instanceof RangeError) {
    // The parser recurses into arrays and inline tables, and the call stack is its only bound.
    return { position: { line: 1, column: 1 }, message: 'arrays or tables are nested too deeply: write a flat file' };
  }
  throw error;
}

class TomlReader {
  readonly value: Table = emptyTable();
  readonly root: Place = newPlace({ line: 1, column: 1 });
  readonly problems: Problem[] = [];
  readonly #resolve: (reference: StringReference) => string;

  constructor(resolve: (reference: StringReference) => string) {
    this.#resolve = resolve;
  }

  read(topLevel: AST.TOMLTopLevelTable): void {
    for (const node of topLevel.body) {
      if (node.type === 'TOMLKeyValue') {
        this.#readKeyValue(node, this.value, this.root, 0);
      } else {
        this.#readTable(node);
      }
    }
    this.#resolveTables(this.value, this.root);
  }

  #readTable(node: AST.TOMLTable): void {
    // Indices in `resolvedKey` say which element of an array of tables is meant.
    let table = this.value as Table | Table[];
    let place = this.root;
    const position = positionOfNode(node);
    if (node.resolvedKey.length > NESTING_MAX) {
      throw new Misplaced('tables are nested too deeply: write a flat file', position);
    }
    for (const [depth, key] of node.resolvedKey.entries()) {
      const isArray = typeof node.resolvedKey[depth + 1] === 'number';
      table = enter(table, key, isArray, position);
      place = placeInside(place, key, position);
    }
    // A table that an earlier header only implied is found where it is written.
    place.position = position;
    for (const keyValue of node.body) {
      this.#readKeyValue(keyValue, table as Table, place, node.resolvedKey.length);
    }
  }

  #readKeyValue(node: AST.TOMLKeyValue, table: Table, place: Place, depth: number): void {
    let target: Table | Table[] = table;
    let targetPlace = place;
    const last = node.key.keys.length - 1;
    if (depth + last > NESTING_MAX) {
      throw new Misplaced('keys are nested too deeply: write a flat file', positionOfNode(node));
    }
    for (const [index, part] of node.key.keys.entries()) {
      const position = positionOfNode(part);
      const key = part.type === 'TOMLBare' ? part.name : part.value;
      targetPlace = placeInside(targetPlace, key, position);
      if (index < last) {
        target = enter(target, key, false, position);
      } else {
        (target as Table)[key] = this.#valueOf(node.value, targetPlace, depth + index + 1);
      }
    }
  }

  #valueOf(node: AST.TOMLContentNode, place: Place, depth: number): unknown {
    if (depth > NESTING_MAX) {
      throw new Misplaced('values are nested too deeply: write a flat file', positionOfNode(node));
    }
    if (node.type === 'TOMLArray') {
      return node.elements.map((element, index) => this.#valueOf(element, placeInside(place, index, positionOfNode(element)), depth + 1));
    }
    if (node.type === 'TOMLInlineTable') {
      const table = emptyTable();
      for (const keyValue of node.body) {
        this.#readKeyValue(keyValue, table, place, depth);
      }
      return table;
    }
    return node.value;
  }

  /** Replaces every table `{ env = "NAME" }` and `{ file = "path" }` by its text; no table of the schema has only such a key. */
  #resolveTables(value: unknown, place: Place): void {
    if (typeof value !== 'object' || value === null || value instanceof Date) {
      return;
    }
    const parent = value as Record<string | number, unknown>;
    for (const [key, inner] of place.inside) {
      const reference = referenceOf(parent[key]);
      if (reference === undefined) {
        this.#resolveTables(parent[key], inner);
        continue;
      }
      try {
        parent[key] = this.#resolve(reference);
      } catch (error) {
        // A stand-in of the right type: the one problem is that the text is missing, not also what it would have to be.
        this.problems.push({ position: inner.position, message: error instanceof Error ? error.message : String(error) });
        parent[key] = '';
      }
    }
  }
}

function referenceOf(value: unknown): StringReference | undefined {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== null) {
    return undefined;
  }
  const entries = Object.entries(value);
  const [kind, name] = entries[0] ?? [];
  return entries.length === 1 && (kind === 'env' || kind === 'file') && typeof name === 'string' ? { kind, name } : undefined;
}

function enter(table: Table | Table[], key: string | number, isArray: boolean, position: Position): Table | Table[] {
  const owner = table as Record<string | number, Table | Table[]>;
  owner[key] ??= isArray ? [] : emptyTable();
  const inner: unknown = owner[key];
  if (typeof inner !== 'object' || inner === null || inner instanceof Date) {
    throw new Misplaced(`"${key}" is a value, and cannot be a table too: remove one of them`, position);
  }
  return owner[key];
}

function placeInside(place: Place, key: string | number, position: Position): Place {
  let inner = place.inside.get(key);
  if (inner === undefined) {
    inner = newPlace(position);
    place.inside.set(key, inner);
  }
  return inner;
}

function placeOf(root: Place, path: KeyPath): Place {
  let place = root;
  for (const key of path) {
    const inner = place.inside.get(key);
    if (inner === undefined) {
      return place;
    }
    place = inner;
  }
  return place;
}

function emptyTable(): Table {
  return Object.create(null) as Table;
}

function newPlace(position: Position): Place {
  return { position, inside: new Map() };
}

function positionOfNode(node: { loc: AST.SourceLocation }): Position {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
