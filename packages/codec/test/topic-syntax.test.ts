import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkShareName,
  checkTopicFilter,
  checkTopicName,
  isReasonCodeOf,
  isSharedTopicFilter,
  isWellFormedString,
  topicFilterLevels,
  topicLevels,
} from '../src/index.js';
import { anyTopicFilter, anyTopicName } from './support/arbitrary-packets.js';

/** The rules of section 4.7.1 once more, level by level. */
function isFilter(filter: string): boolean {
  const levels = filter.split('/');
  return (
    filter !== '' && levels.every((level, index) => level === '+' || (level === '#' && index === levels.length - 1) || !/[+#]/.test(level))
  );
}

describe('checkTopicName', () => {
  it('accepts what may be published to', () => {
    for (const name of ['a', '/', '//', ' ', '$SYS/x', 'a/b c/é', '\u{10ffff}', 'x'.repeat(65_535)])
      expect(checkTopicName(name)).toBeUndefined();
    fc.assert(fc.property(anyTopicName, (name) => checkTopicName(name) === undefined));
  });

  it('says what is wrong', () => {
    expect(checkTopicName('')).toBe('is empty'); // [MQTT-4.7.3-1]
    expect(checkTopicName('a/+')).toBe('contains a wildcard'); // [MQTT-4.7.0-1]
    expect(checkTopicName('a\0')).toMatch('U+0000'); // [MQTT-4.7.3-2]
    expect(checkTopicName('\ud800')).toMatch('surrogate');
    expect(checkTopicName('x'.repeat(65_536))).toMatch('65,535'); // [MQTT-4.7.3-3]
    expect(checkTopicName('a/b/c', 3)).toBeUndefined();
    expect(checkTopicName('a/b/c', 2)).toBe('has more than 2 levels');
  });
});

describe('checkTopicFilter', () => {
  it('agrees with the rules level by level [MQTT-4.7.1-1] [MQTT-4.7.1-2]', () => {
    const nearFilter = fc.array(fc.constantFrom('+', '#', '/', 'a', '$'), { minLength: 0, maxLength: 7 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(nearFilter, (filter) => {
        expect(checkTopicFilter(filter) === undefined).toBe(isFilter(filter));
        expect(checkTopicFilter(`$share/g/${filter}`) === undefined).toBe(isFilter(filter)); // [MQTT-4.8.2-2]
      }),
      { numRuns: 5000, seed: 10 },
    );
    fc.assert(fc.property(anyTopicFilter, (filter) => checkTopicFilter(filter) === undefined));
  });

  it('counts levels without $share/{ShareName}', () => {
    expect(topicLevels('a/b')).toBe(2);
    expect(topicLevels('/')).toBe(2);
    expect(topicFilterLevels('$share/g/a/b')).toBe(2);
    expect(checkTopicFilter('$share/g/a/b', 2)).toBeUndefined();
    expect(checkTopicFilter('$share/g/a/b', 1)).toBe('has more than 1 levels');
  });

  it('knows share names [MQTT-4.8.2-1] [MQTT-4.8.2-2]', () => {
    expect(checkShareName('group 1')).toBeUndefined();
    for (const name of ['', 'a/b', 'a+', '#']) expect(checkShareName(name)).toBeDefined();
    expect(isSharedTopicFilter('$share/g/a')).toBe(true);
    expect(isSharedTopicFilter('$shared/g/a')).toBe(false);
    expect(checkTopicFilter('$share/\0/a')).toMatch('U+0000');
  });
});

describe('isWellFormedString', () => {
  it('knows what an MQTT string is [MQTT-1.5.4-1] [MQTT-1.5.4-2]', () => {
    for (const text of ['', 'a', '\u{feff}', '😀', 'x'.repeat(65_535), '😀'.repeat(16_383)]) expect(isWellFormedString(text)).toBe(true);
    for (const text of ['\0', '\ud83d', '\ude00', '\ude00\ud83d', 'x'.repeat(65_536), '😀'.repeat(16_384)])
      expect(isWellFormedString(text)).toBe(false);
  });
});

describe('isReasonCodeOf', () => {
  it('knows who may send what', () => {
    expect(isReasonCodeOf('disconnect', 0x04)).toBe(true);
    expect(isReasonCodeOf('disconnect', 0x04, 'client')).toBe(true);
    expect(isReasonCodeOf('disconnect', 0x04, 'server')).toBe(false);
    expect(isReasonCodeOf('puback', 0x10, 'client')).toBe(false);
    expect(isReasonCodeOf('puback', 300)).toBe(false);
  });
});
