export { overTcp, overTls, overUnixSocket, overUrl, overWebSocket, type TlsSettings } from './connectors.js';
export { overDuplex } from './duplex-ends.js';
export { checkHistory, type Judgement } from './history/check-history.js';
export {
  type Call,
  type ConnectCall,
  type DroppedNote,
  type EndedNote,
  type HistoryEvent,
  type Note,
  type Outcome,
  type PublishCall,
  type ReceivedNote,
  type Result,
  type SubscribeCall,
  type WillOfHistory,
} from './history/events.js';
export { HistoryRecorder, Refused } from './history/recorder.js';
export { type CheckOptions } from './history/timeline.js';
export { type Rule, type Violation } from './history/violation.js';
export { Workload, type WorkloadOptions } from './history/workload.js';
export { WorkloadClient, type WorkloadConnect, type WorkloadPublish } from './history/workload-client.js';
export { NotObserved } from './not-observed.js';
export { statementTables } from './report/markdown.js';
export { type Report, type StatementReport, type TestReport, type VersionReport } from './report/report.js';
export { type Broken, type RunOptions, runWireTest, type Verdict } from './run-wire-test.js';
export { type RunAllOptions, type RunAllResult, runWireTests, TargetLost, type TestResult } from './run-wire-tests.js';
export { type Connect, type Credentials, meets, type Need, type Target, type TargetSettings, type TargetVariants } from './target.js';
export { WireContext } from './wire-context.js';
export { nameOf, versionNames, type WireTest } from './wire-test.js';
export { wireTests } from './wire-tests.js';
