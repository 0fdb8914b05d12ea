import { FileError } from './file-error.js';

/** Topic filters by what they do. A denying one takes both reading and writing away. */
export interface RuleList {
  readonly read: string[];
  readonly write: string[];
  readonly deny: string[];
}

/** The content of an access file. */
export interface AccessRulesText {
  /** `topic` rules before any `user` line. */
  readonly anonymous: RuleList;
  readonly users: ReadonlyMap<string, RuleList>;
  /** `pattern` rules: for every client, `%c` and `%u` not yet replaced. */
  readonly patterns: RuleList;
}

const accessWords = new Set(['read', 'write', 'readwrite', 'deny']);

/** Reads mosquitto's access control list format, mosquitto.conf(5) at `acl_file`. Throws a `FileError` with the line. */
export function parseAccessRules(text: string, path: string): AccessRulesText {
  const anonymous = emptyRules();
  const patterns = emptyRules();
  const users = new Map<string, RuleList>();
  let current = anonymous;

  for (const [index, rawLine] of text.split('\n').entries()) {
    const fail = (problem: string): never => {
      throw new FileError(path, index + 1, problem);
    };
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [keyword, rest] = splitWord(line);
    switch (keyword) {
      case 'user': {
        if (rest === '') fail('`user` needs a user name');
        // The same user may come again further down; the rules add up.
        const known = users.get(rest);
        current = known ?? emptyRules();
        if (known === undefined) users.set(rest, current);
        break;
      }
      case 'topic':
        addRule(current, keyword, rest, fail);
        break;
      case 'pattern':
        addRule(patterns, keyword, rest, fail);
        break;
      default:
        fail('a line begins with `user`, `topic`, `pattern` or `#`');
    }
  }
  return { anonymous, users, patterns };
}

function addRule(rules: RuleList, keyword: string, rest: string, fail: (problem: string) => never): void {
  const [first, afterFirst] = splitWord(rest);
  let access = 'readwrite';
  let filter = rest;
  if (accessWords.has(first)) {
    access = first;
    filter = afterFirst;
    if (filter === '') fail(`\`${keyword} ${first}\` needs a topic filter`);
  } else if (afterFirst !== '') {
    // As in mosquitto a topic with a space in it needs the access word before it.
    fail(`after \`${keyword}\` comes \`read\`, \`write\`, \`readwrite\` or \`deny\`, then one topic filter`);
  }
  if (filter === '') fail(`\`${keyword}\` needs a topic filter`);
  if (!isWellFormed(filter)) fail('the topic filter is not valid: `+` and `#` stand alone in their level, `#` in the last one');
  if (access === 'deny') rules.deny.push(filter);
  if (access === 'read' || access === 'readwrite') rules.read.push(filter);
  if (access === 'write' || access === 'readwrite') rules.write.push(filter);
}

/** The form of 5.0, 4.7.1: [MQTT-4.7.1-1] [MQTT-4.7.1-2]. */
function isWellFormed(filter: string): boolean {
  const levels = filter.split('/');
  return levels.every((level, depth) => {
    if (level === '#') return depth === levels.length - 1;
    return level === '+' || !/[+#\0]/.test(level);
  });
}

function splitWord(text: string): [word: string, rest: string] {
  const end = text.search(/[ \t]/);
  return end === -1 ? [text, ''] : [text.slice(0, end), text.slice(end).trimStart()];
}

export function emptyRules(): RuleList {
  return { read: [], write: [], deny: [] };
}

/**
 * The `pattern` rules as one client has them: `%c` is its client id, `%u` its user name, replaced wherever they stand, as mosquitto does.
 *
 * Nobody gains by the choice of a name: an allowing pattern is left out if a name that it asks for is empty, has `+`, `#` or `/`, or turns the
 * filter into one of `$` topics; in a denying one a name with wildcards denies the whole level. A client without user name has no `%u` rules.
 */
export function substitutePatterns(patterns: RuleList, userName: string | undefined, clientId: string): RuleList {
  const names = new Map([
    ['%c', clientId],
    ['%u', userName],
  ]);
  const allow = (pattern: string): string[] => {
    const isUsable = asked(pattern).every((placeholder) => /^[^+#/]+$/.test(names.get(placeholder) ?? ''));
    if (!isUsable) return [];
    const filter = pattern.replace(placeholders, (placeholder) => names.get(placeholder)!);
    return filter.startsWith('$') && !pattern.startsWith('$') ? [] : [filter];
  };
  const deny = (pattern: string): string[] => {
    if (asked(pattern).some((placeholder) => names.get(placeholder) === undefined)) return [];
    const hasWildcards = (placeholder: string): boolean => /[+#]/.test(names.get(placeholder)!);
    const levels = pattern
      .split('/')
      .map((level) => (asked(level).some(hasWildcards) ? '+' : level.replace(placeholders, (placeholder) => names.get(placeholder)!)));
    const filter = levels.join('/');
    return filter === '' ? [] : [filter];
  };
  return { read: patterns.read.flatMap(allow), write: patterns.write.flatMap(allow), deny: patterns.deny.flatMap(deny) };
}

const placeholders = /%[cu]/g;

function asked(pattern: string): string[] {
  return pattern.match(placeholders) ?? [];
}
