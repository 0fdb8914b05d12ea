// breaks: layer-topics
import { entry } from '@si-mqtt/codec';

export const seen: string = entry;
