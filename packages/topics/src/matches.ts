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
