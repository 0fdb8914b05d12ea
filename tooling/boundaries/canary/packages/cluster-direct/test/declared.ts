// breaks: layer-cluster-direct-test
import { entry } from '@si-mqtt/cluster-db';

export const seen: string = entry;
