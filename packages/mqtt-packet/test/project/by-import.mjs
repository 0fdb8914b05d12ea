import mqtt from 'mqtt';
import { run } from './exchange.mjs';

await run(mqtt);
