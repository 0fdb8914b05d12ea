// breaks: layer-conformance
import { entry } from '@si-mqtt/server';

export const seen: string = entry;
