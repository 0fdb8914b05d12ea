// breaks:
import { type Entry } from '@si-mqtt/session';

export type Seen = Entry;
