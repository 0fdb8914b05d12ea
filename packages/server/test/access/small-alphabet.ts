/** All sequences of 1 to `depthMax` levels, joined. */
function sequences(levels: readonly string[], depthMax: number): string[] {
  let last = [...levels];
  const all = [...last];
  for (let depth = 2; depth <= depthMax; depth++) {
    last = last.flatMap((head) => levels.map((level) => `${head}/${level}`));
    all.push(...last);
  }
  return all;
}

/** Every well-formed filter over `a`, `b`, `$x`, `+`, `#` of up to `depthMax` levels. */
export function allFilters(depthMax: number): string[] {
  const plain = sequences(['a', 'b', '$x', '+'], depthMax);
  const open = sequences(['a', 'b', '$x', '+'], depthMax - 1).map((filter) => `${filter}/#`);
  return ['#', ...plain, ...open];
}

/** Every topic name over the same texts and one that no filter of `allFilters` names. */
export function allTopics(depthMax: number): string[] {
  return sequences(['a', 'b', '$x', 'other'], depthMax);
}
