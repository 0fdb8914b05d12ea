import { type Env } from '@si-mqtt/session';

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
