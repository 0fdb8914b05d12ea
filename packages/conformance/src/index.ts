export { overTcp, overUnixSocket, overWebSocket } from './connectors.js';
export { runWireTest, type Verdict } from './run-wire-test.js';
export { type Connect, type Credentials, meets, type Need, type Target, type TargetSettings, type TargetVariants } from './target.js';
export { NotObserved, WireContext } from './wire-context.js';
export { nameOf, versionNames, type WireTest } from './wire-test.js';
export { wireTests } from './wire-tests.js';
