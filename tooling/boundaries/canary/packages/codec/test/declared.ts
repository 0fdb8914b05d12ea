// breaks: layer-codec-test
import { entry } from '@si-mqtt/topics';

export const seen: string = entry;
