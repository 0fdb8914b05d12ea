import { authenticationTests } from './suites/authentication.js';
import { connectTests } from './suites/connect.js';
import { encodingTests } from './suites/encoding.js';
import { flowTests } from './suites/flow.js';
import { forwardingTests } from './suites/forwarding.js';
import { lifecycleTests } from './suites/lifecycle.js';
import { limitTests } from './suites/limits.js';
import { mqtt31Tests } from './suites/mqtt31.js';
import { packetSizeTests } from './suites/packet-size.js';
import { publishTests } from './suites/publish.js';
import { resumeTests } from './suites/resume.js';
import { retainTests } from './suites/retain.js';
import { sessionTests } from './suites/session.js';
import { sharedTests } from './suites/shared.js';
import { stringTests } from './suites/strings.js';
import { subscribeTests } from './suites/subscribe.js';
import { takeoverTests } from './suites/takeover.js';
import { topicTests } from './suites/topics.js';
import { webSocketTests } from './suites/websocket.js';
import { willTests } from './suites/will.js';
import { type WireTest } from './wire-test.js';

/** Every wire test, for 3.1, 3.1.1 and 5.0. */
export const wireTests: readonly WireTest[] = [
  ...connectTests,
  ...encodingTests,
  ...sessionTests,
  ...resumeTests,
  ...takeoverTests,
  ...publishTests,
  ...retainTests,
  ...subscribeTests,
  ...topicTests,
  ...willTests,
  ...lifecycleTests,
  ...flowTests,
  ...packetSizeTests,
  ...forwardingTests,
  ...sharedTests,
  ...limitTests,
  ...stringTests,
  ...authenticationTests,
  ...webSocketTests,
  ...mqtt31Tests,
];
