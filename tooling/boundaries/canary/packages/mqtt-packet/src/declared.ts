// breaks: layer-mqtt-packet
import { entry } from '@si-mqtt/session';

export const seen: string = entry;
