// breaks: layer-codec
import { entry } from '@si-mqtt/topics';

export const seen: string = entry;
