// breaks: layer-cluster-db-test
import { entry } from '@si-mqtt/server';

export const seen: string = entry;
