// breaks: layer-codec
import { type Entry } from '@si-mqtt/topics';

export type Seen = Entry;
