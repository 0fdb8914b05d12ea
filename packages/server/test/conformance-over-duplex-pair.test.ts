import { conformanceSuite } from '@si-mqtt/conformance/vitest';
import { startTarget } from './conformance-target.js';

conformanceSuite({ name: 'conformance over a duplex pair', start: () => startTarget('duplex') });
