import { type JournalUnderTest } from '@si-mqtt/conformance/vitest';
import { type Env, Message } from '@si-mqtt/session';

export const realEnv: Env = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  sleep: (milliseconds, cancelled) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      void cancelled?.then(() => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

export const journalMessage: JournalUnderTest['message'] = (content) => {
  const whole = { payload: new Uint8Array(), qos: 0, retain: false, ...content } as const;
  return Message.of(whole, { clientId: 'publisher', userName: 'user' }, Date.now());
};
