import { type Load, PointToPoint } from './point-to-point.js';

// The generator's process: `node load.js '{"port":1883,…}'` prints one measurement as JSON.
try {
  const measurement = await new PointToPoint(JSON.parse(process.argv[2] ?? '') as Load).run();
  process.stdout.write(`${JSON.stringify(measurement)}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
