// breaks: no-node-built-in
import type { Stats } from 'fs';

export type Seen = Stats;
