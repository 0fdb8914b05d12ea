// breaks: no-unresolvable
import { inner } from '@si-mqtt/codec/src/inner.js';

export const seen: string = inner;
