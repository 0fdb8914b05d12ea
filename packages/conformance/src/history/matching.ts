/** Whether a filter matches a topic name (5.0, 4.7); written out the obvious way. */
export function matches(topicFilter: string, topic: string): boolean {
  const [filters, names] = [topicFilter.split('/'), topic.split('/')];
  if (topic.startsWith('$') && (filters[0] === '+' || filters[0] === '#')) return false;
  for (const [index, level] of filters.entries()) {
    if (level === '#') return true;
    if (index >= names.length || (level !== '+' && level !== names[index])) return false;
  }
  return filters.length === names.length;
}
