import { type Env } from '@si-mqtt/session';

/** Waits for a task, but not longer than that. False: it goes on, and what becomes of it is nobody's concern any more. */
export async function within(env: Env, milliseconds: number, task: Promise<unknown>): Promise<boolean> {
  let isDone = false;
  const done = task.then(
    () => {
      isDone = true;
    },
    (error: unknown) => {
      isDone = true;
      throw error;
    },
  );
  await Promise.race([
    done,
    env.sleep(
      milliseconds,
      Promise.allSettled([done]).then(() => undefined),
    ),
  ]);
  return isDone;
}
