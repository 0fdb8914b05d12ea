import { Backlog } from './backlog.js';
import { Holding } from './holding.js';
import { type LatencyCounts } from './latencies.js';
import { type HoldingLoad, type TrafficLoad } from './load.js';
import { type Share, Traffic } from './traffic.js';

/** What a generator's process is asked for, each answered once. */
export type Request =
  | { readonly ask: 'holding'; readonly load: HoldingLoad; readonly share: Share }
  | { readonly ask: 'traffic'; readonly load: TrafficLoad; readonly share: Share }
  | { readonly ask: 'backlog'; readonly load: TrafficLoad; readonly messagesEach: number; readonly share: Share }
  | { readonly ask: 'open'; readonly ports: readonly number[] }
  | { readonly ask: 'start' }
  | { readonly ask: 'snapshot' }
  | { readonly ask: 'stop' }
  | { readonly ask: 'fill' }
  | { readonly ask: 'drain' };

export interface Answer {
  readonly value?: unknown;
  readonly failure?: string;
}

let traffic: Traffic | undefined;
let holding: Holding | undefined;
let backlog: Backlog | undefined;
let own = 0;
let latency: LatencyCounts | undefined;
let failure: Error | undefined;

async function carryOut(request: Request): Promise<unknown> {
  if (failure !== undefined) throw failure;
  switch (request.ask) {
    case 'holding':
      holding = new Holding(request.load, request.share);
      return undefined;
    case 'traffic':
      traffic = new Traffic(request.load, request.share);
      own = request.share.process;
      return traffic.links.listen();
    case 'backlog':
      backlog = new Backlog(request.load, request.messagesEach, request.share);
      return undefined;
    case 'open':
      await traffic?.links.join(request.ports, own);
      await (traffic ?? holding ?? backlog)?.open();
      return undefined;
    case 'start':
      traffic?.start().catch((error: Error) => (failure = error));
      return undefined;
    case 'snapshot':
      // The second snapshot ends the measurement: its latencies are the result's.
      latency = traffic!.latency();
      return traffic!.snapshot();
    case 'stop':
      return traffic!.stop(latency!);
    case 'fill':
      return backlog!.fill();
    case 'drain':
      return backlog!.drain();
  }
}

process.on('message', (request: Request) => {
  carryOut(request).then(
    (value) => process.send!({ value } satisfies Answer),
    (error: Error) => process.send!({ failure: error.message } satisfies Answer),
  );
});
// The parent is gone or has what it wants; connections end with the process, by RST.
process.once('disconnect', () => {
  (traffic ?? holding ?? backlog)?.close();
  process.exit(0);
});
