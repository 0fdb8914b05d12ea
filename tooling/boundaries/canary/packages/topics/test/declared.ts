// breaks: layer-topics-test
import { entry } from '@si-mqtt/codec';

export const seen: string = entry;
