export { type Match } from './match-set.js';
export { matches } from './matches.js';
export { type RetainedPage, RetainedTree } from './retained-tree.js';
export { type MatchResult, SubscriptionTree, type SubscriptionTreeOptions } from './subscription-tree.js';
export { formatSharedFilter, hasWildcard, isShared, type ParsedFilter, parseTopicFilter, topicLevels } from './topic-filter.js';
