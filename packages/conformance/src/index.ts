export { overTcp, overTls, overUnixSocket, overUrl, overWebSocket, type TlsSettings } from './connectors.js';
export { NotObserved } from './not-observed.js';
export { type Broken, type RunOptions, runWireTest, type Verdict } from './run-wire-test.js';
export { type Connect, type Credentials, meets, type Need, type Target, type TargetSettings, type TargetVariants } from './target.js';
export { WireContext } from './wire-context.js';
export { nameOf, versionNames, type WireTest } from './wire-test.js';
export { wireTests } from './wire-tests.js';
