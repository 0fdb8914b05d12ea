// breaks: layer-server-test
import { entry } from '@si-mqtt/mqtt-packet';

export const seen: string = entry;
