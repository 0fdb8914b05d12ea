/**
 * Whether a topic filter matches a topic name (5.0 and 3.1.1, 4.7). The plain reading of the standard: what the trees of
 * this package answer is tested against it. Levels are compared as they are, case and all [MQTT-4.7.3-4].
 */
export function matches(topicFilter: string, topicName: string): boolean {
  const filterLevels = topicFilter.split('/');
  const nameLevels = topicName.split('/');
  // A leading wildcard keeps away from $SYS and its like. [MQTT-4.7.2-1]
  if (topicName.startsWith('$') && (filterLevels[0] === '+' || filterLevels[0] === '#')) return false;
  for (let i = 0; i < filterLevels.length; i++) {
    // The multi-level wildcard stands for the parent level too, so it may come one level after the end of the name.
    if (filterLevels[i] === '#') return true;
    if (i >= nameLevels.length) return false;
    if (filterLevels[i] !== '+' && filterLevels[i] !== nameLevels[i]) return false;
  }
  return filterLevels.length === nameLevels.length;
}

const slash = 0x2f;
const plus = 0x2b;
const hash = 0x23;
const dollar = 0x24;

/** The same, one character after the other and without making anything, for where it is asked often. */
export function matchesInPlace(topicFilter: string, topicName: string): boolean {
  const first = topicFilter.charCodeAt(0);
  if (topicName.charCodeAt(0) === dollar && (first === plus || first === hash)) return false;
  let at = 0;
  for (let i = 0; i < topicFilter.length; i++) {
    const code = topicFilter.charCodeAt(i);
    if (code === hash) return true;
    if (code === plus) {
      const end = topicName.indexOf('/', at);
      at = end === -1 ? topicName.length : end;
    } else if (at < topicName.length && topicName.charCodeAt(at) === code) at++;
    // The name has come to its end where only `/#` is left of the filter.
    else return at === topicName.length && code === slash && topicFilter.charCodeAt(i + 1) === hash;
  }
  return at === topicName.length;
}
