import { type JournalUnderTest } from '@si-mqtt/conformance/vitest';
import { Message } from '@si-mqtt/session';

export const journalMessage: JournalUnderTest['message'] = (content) => {
  const whole = { payload: new Uint8Array(), qos: 0, retain: false, ...content } as const;
  return Message.of(whole, { clientId: 'publisher', userName: 'user' }, Date.now());
};
