export { type AnswerPacket, type AnswerPolicy } from '@si-mqtt/session';
export { type AuthenticationOutcome } from './access/authenticate-with.js';
export {
  type AuthenticationResult,
  type Authenticator,
  type ClientCertificate,
  type Credentials,
  type Identity,
  type Refusal,
} from './access/authenticator.js';
export { type AuthenticationExchange, type AuthenticationMechanism, type ExchangeStep, type MechanismContext } from './access/enhanced.js';
export { FileError } from './access/file-error.js';
export { deleteUser, type SetUserOptions, type SetUserResult, setUser } from './access/password-edit.js';
export { allowAll, type Decision, type Permissions, type SubscribeDecision } from './access/permissions.js';
export { type BrokerEventMap, type BrokerEvents } from './events.js';
export { type ListenerInformation, type ListenerLimits, type ListenerOptions, type TlsOptions } from './listeners/listener-options.js';
export { NodeEnv } from './node-env.js';
export { createServer, Server, type ServerParts } from './server.js';
export { accessProblems } from './server-access.js';
export { type CompleteServerOptions, defaultLimits, type LimitOptions, type ListenerWish, type ServerOptions } from './server-options.js';
export { type ClientSummary, type RetainedPageSummary, type RetainedSummary, type SubscriptionSummary } from './summaries.js';
