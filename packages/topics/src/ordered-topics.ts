import { compareTopics } from './topic-order.js';

export interface TopicEntry<Value> {
  readonly topicName: string;
  value: Value;
}

const chunkMax = 256;

/** Where an entry stands, or would stand, in the list. Only good until the list changes. */
export interface Position {
  chunk: number;
  index: number;
}

/**
 * Topic names in the order of `compareTopics`, in a list of sorted chunks: a search takes two binary searches, and an insertion
 * moves at most a chunk's worth of entries. At a million topics this is eight bytes beside each entry; a tree node would be 64.
 */
export class OrderedTopics<Value> {
  // None of the chunks is empty.
  readonly #chunks: TopicEntry<Value>[][] = [];

  at(position: Position): TopicEntry<Value> | undefined {
    return this.#chunks[position.chunk]?.[position.index];
  }

  next(position: Position): void {
    if (++position.index < this.#chunks[position.chunk].length) return;
    position.chunk++;
    position.index = 0;
  }

  /** Moves on to the first entry that is not before the text. The text must not be before the position. */
  seek(position: Position, text: string): void {
    const chunks = this.#chunks;
    let { chunk, index } = position;
    if (chunk >= chunks.length) return;
    if (compareTopics(lastOf(chunks[chunk]).topicName, text) < 0) {
      // A walk mostly steps over little, so look further and further ahead before halving.
      let step = 1;
      while (chunk + step < chunks.length && compareTopics(lastOf(chunks[chunk + step]).topicName, text) < 0) {
        chunk += step;
        step *= 2;
      }
      let end = Math.min(chunk + step, chunks.length);
      chunk++;
      while (chunk < end) {
        const middle = (chunk + end) >>> 1;
        if (compareTopics(lastOf(chunks[middle]).topicName, text) < 0) chunk = middle + 1;
        else end = middle;
      }
      index = 0;
    }
    position.chunk = chunk;
    position.index = chunk < chunks.length ? lowerBound(chunks[chunk], index, text) : 0;
  }

  /** Adds an entry whose topic name is not in the list. */
  insert(entry: TopicEntry<Value>): void {
    const chunks = this.#chunks;
    const position = { chunk: 0, index: 0 };
    this.seek(position, entry.topicName);
    if (position.chunk === chunks.length) {
      // At the end of everything a new chunk is begun when the last is full, so that sorted input leaves full chunks behind.
      if (chunks.length === 0 || lastOf(chunks).length === chunkMax) chunks.push([entry]);
      else lastOf(chunks).push(entry);
      return;
    }
    const chunk = chunks[position.chunk];
    chunk.splice(position.index, 0, entry);
    if (chunk.length > chunkMax) chunks.splice(position.chunk + 1, 0, chunk.splice(chunkMax / 2));
  }

  /** Removes the entry of a topic name that is in the list. */
  remove(topicName: string): void {
    const chunks = this.#chunks;
    const position = { chunk: 0, index: 0 };
    this.seek(position, topicName);
    const chunk = chunks[position.chunk];
    chunk.splice(position.index, 1);
    if (chunk.length === 0) {
      chunks.splice(position.chunk, 1);
      return;
    }
    // Thin neighbours become one, so that what many topics left behind does not stay as many chunks.
    const first = chunk.length + (chunks[position.chunk + 1]?.length ?? chunkMax) <= chunkMax / 2 ? position.chunk : position.chunk - 1;
    if (first < 0 || first + 1 >= chunks.length || chunks[first].length + chunks[first + 1].length > chunkMax / 2) return;
    chunks.splice(first, 2, [...chunks[first], ...chunks[first + 1]]);
  }

  /** How many chunks there are, for tests of growth. */
  get chunks(): number {
    return this.#chunks.length;
  }
}

function lastOf<T>(list: readonly T[]): T {
  return list[list.length - 1];
}

function lowerBound(chunk: readonly TopicEntry<unknown>[], from: number, text: string): number {
  let start = from;
  let end = chunk.length;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (compareTopics(chunk[middle].topicName, text) < 0) start = middle + 1;
    else end = middle;
  }
  return start;
}
