// breaks: layer-mqtt-packet-test
import { entry } from '@si-mqtt/session';

export const seen: string = entry;
