import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSharedFilter, hasWildcard, isShared, matches, parseTopicFilter, topicLevels } from '../src/index.js';
import { matchesInPlace } from '../src/matches.js';
import { topicFilters, topicNames } from './random-topics.js';

describe('topic filters', () => {
  test('$share/{ShareName}/{filter} comes apart at the slash after the share name [MQTT-4.8.2-1] [MQTT-4.8.2-2]', () => {
    expect(parseTopicFilter('$share/group/a/+/#')).toEqual({ shareName: 'group', topicFilter: 'a/+/#' });
    expect(parseTopicFilter('$share/group//')).toEqual({ shareName: 'group', topicFilter: '/' });
    expect(parseTopicFilter('$share/$share/$share/x/y')).toEqual({ shareName: '$share', topicFilter: '$share/x/y' });
  });

  test.each(['a/b', '$shared/a/b', '$SHARE/a/b', '/$share/a/b', '$SYS/#', '+'])('%s is not shared', (text) => {
    expect(isShared(text)).toBe(false);
    expect(parseTopicFilter(text)).toEqual({ shareName: undefined, topicFilter: text });
  });

  test('formatting undoes parsing', () => {
    fc.assert(
      fc.property(fc.constantFrom('g', 'ü', '$', ' '), topicFilters, (shareName, topicFilter) => {
        const text = formatSharedFilter(shareName, topicFilter);
        expect(isShared(text)).toBe(true);
        expect(parseTopicFilter(text)).toEqual({ shareName, topicFilter });
      }),
    );
  });

  test('wildcards and levels are seen', () => {
    expect(['a/b', '+', 'a/#', '#', 'a/+/b'].map(hasWildcard)).toEqual([false, true, true, true, true]);
    expect(['a', 'a/b', '/', '//', 'a/'].map(topicLevels)).toEqual([1, 2, 2, 3, 2]);
  });
});

/** filter, names that it matches, names that it does not */
const table: [string, string[], string[]][] = [
  ['sport/#', ['sport', 'sport/', 'sport/a', 'sport/a/b'], ['sports', 'Sport', '/sport', 'spor']],
  ['#', ['a', '/', 'a/b', '/a'], ['$SYS', '$SYS/a', '$']],
  ['+', ['a'], ['/', 'a/', '/a', 'a/b', '$', '$a']],
  ['+/+', ['/a', 'a/', '/', 'a/b'], ['a', '$SYS/a', 'a/b/c']],
  ['/+', ['/a', '/', '/$a'], ['a', '/a/b']],
  ['a/+', ['a/', 'a/b', 'a/$b'], ['a', 'a/b/']],
  ['a/+/#', ['a/b', 'a/', 'a//', 'a/b/c/d'], ['a', 'b/a']],
  ['+/a/#', ['x/a', '/a', '/a/b'], ['a', '$x/a', 'x/b']],
  ['$SYS/#', ['$SYS', '$SYS/a'], ['SYS', '$sys', 'a']],
  ['$SYS/+/x', ['$SYS/a/x', '$SYS//x'], ['$SYS/x']],
  ['a', ['a'], ['A', 'a/', '/a', 'á']],
  ['\u00e9', ['\u00e9'], ['e\u0301', 'e']],
];

describe('matches [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.2-1] [MQTT-4.7.3-4]', () => {
  test.each(table)('%s', (filter, matching, others) => {
    expect(matching.filter((name) => !matches(filter, name))).toEqual([]);
    expect(others.filter((name) => matches(filter, name))).toEqual([]);
  });

  test('is the same read in place', () => {
    fc.assert(
      fc.property(topicFilters, topicNames, (filter, name) => {
        expect(matchesInPlace(filter, name)).toBe(matches(filter, name));
      }),
      { numRuns: 20_000 },
    );
    for (const [filter, matching, others] of table) {
      for (const name of [...matching, ...others]) expect(matchesInPlace(filter, name)).toBe(matches(filter, name));
    }
  });
});
