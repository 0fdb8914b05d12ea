import { utf8Length } from './utf8.js';

const slash = 0x2f;
const plus = 0x2b;
const hash = 0x23;
const sharePrefix = '$share/';

/**
 * What is wrong with a topic name, as the end of a sentence ("is empty"), or undefined when nothing is.
 * @param levelsMax a limit of the broker's own; the standard has none.
 */
export function checkTopicName(topicName: string, levelsMax: number = Infinity): string | undefined {
  const problem = checkTopicText(topicName) ?? checkTopicNameCharacters(topicName);
  if (problem !== undefined) return problem;
  return topicLevels(topicName) > levelsMax ? `has more than ${levelsMax} levels` : undefined;
}

/** The rules that are left when the text is known to be an MQTT string. */
export function checkTopicNameCharacters(topicName: string): string | undefined {
  if (topicName.length === 0) return 'is empty'; // [MQTT-4.7.3-1]
  for (let index = 0; index < topicName.length; index += 1) {
    const unit = topicName.charCodeAt(index);
    if (unit === plus || unit === hash) return 'contains a wildcard'; // [MQTT-3.3.2-2] [MQTT-4.7.0-1]
  }
  return undefined;
}

/**
 * What is wrong with a topic filter, plain or `$share/{ShareName}/{filter}`, or undefined when nothing is.
 * @param levelsMax a limit of the broker's own, without the two levels of `$share/{ShareName}`.
 */
export function checkTopicFilter(topicFilter: string, levelsMax: number = Infinity): string | undefined {
  const problem = checkTopicText(topicFilter) ?? checkTopicFilterCharacters(topicFilter);
  if (problem !== undefined) return problem;
  return topicFilterLevels(topicFilter) > levelsMax ? `has more than ${levelsMax} levels` : undefined;
}

/** The rules that are left when the text is known to be an MQTT string. */
export function checkTopicFilterCharacters(topicFilter: string): string | undefined {
  if (topicFilter.length === 0) return 'is empty'; // [MQTT-4.7.3-1]
  if (!isSharedTopicFilter(topicFilter)) return checkWildcards(topicFilter, 0);
  const shareNameEnd = topicFilter.indexOf('/', sharePrefix.length);
  if (shareNameEnd === sharePrefix.length) return 'has an empty share name'; // [MQTT-4.8.2-1]
  if (shareNameEnd < 0 || shareNameEnd === topicFilter.length - 1) return 'has a share name and no filter'; // [MQTT-4.8.2-2]
  return checkShareName(topicFilter.slice(sharePrefix.length, shareNameEnd)) ?? checkWildcards(topicFilter, shareNameEnd + 1);
}

/** True for a filter of a shared subscription (section 4.8.2), well formed or not. */
export function isSharedTopicFilter(topicFilter: string): boolean {
  return topicFilter.startsWith(sharePrefix);
}

/** What is wrong with the name of a shared subscription, or undefined [MQTT-4.8.2-2]. */
export function checkShareName(shareName: string): string | undefined {
  if (shareName.length === 0) return 'has an empty share name';
  return /[/+#]/.test(shareName) ? 'has a share name with /, + or #' : undefined;
}

/** Levels of a topic name, or of a filter that is not shared. */
export function topicLevels(topic: string): number {
  let levels = 1;
  for (let index = 0; index < topic.length; index += 1) {
    if (topic.charCodeAt(index) === slash) levels += 1;
  }
  return levels;
}

/** Levels of a filter, without `$share/{ShareName}`. */
export function topicFilterLevels(topicFilter: string): number {
  return topicLevels(topicFilter) - (isSharedTopicFilter(topicFilter) ? 2 : 0);
}

function checkTopicText(topic: string): string | undefined {
  const length = utf8Length(topic);
  if (length < 0) return 'contains U+0000 or a lone surrogate'; // [MQTT-4.7.3-2]
  return length > 0xffff ? 'is longer than 65,535 bytes' : undefined; // [MQTT-4.7.3-3]
}

function checkWildcards(topicFilter: string, start: number): string | undefined {
  const last = topicFilter.length - 1;
  for (let index = start; index <= last; index += 1) {
    const unit = topicFilter.charCodeAt(index);
    if (unit !== plus && unit !== hash) continue;
    const beginsLevel = index === start || topicFilter.charCodeAt(index - 1) === slash;
    if (unit === hash && (!beginsLevel || index !== last)) return 'has a # that is not the whole last level'; // [MQTT-4.7.1-1]
    const endsLevel = index === last || topicFilter.charCodeAt(index + 1) === slash;
    if (!beginsLevel || !endsLevel) return 'has a + that is not a whole level'; // [MQTT-4.7.1-2]
  }
  return undefined;
}
