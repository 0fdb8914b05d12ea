// breaks: layer-cluster-direct
import { entry } from '@si-mqtt/cluster-db';

export const seen: string = entry;
