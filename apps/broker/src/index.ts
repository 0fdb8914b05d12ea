export { type Invocation, type LoadedConfiguration, loadConfiguration } from './config.js';
export type * from './configuration.js';
export { type Host, hostOfProcess } from './host.js';
export { type BrokerLibrary, type RunningServer } from './library.js';
export { OperatorError } from './problems.js';
export { run } from './run.js';
