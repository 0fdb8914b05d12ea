import { equal, type WireContext } from '../wire-context.js';
import { both, type WireTest } from '../wire-test.js';

/** Publishes to each topic under `base` and gives the ones that the filter let through. */
async function matched(context: WireContext, base: string, filter: string, topics: readonly string[]): Promise<string[]> {
  const [subscriber, publisher] = [await context.connect(), await context.connect()];
  await subscriber.subscribe(`${base}${filter}`);
  for (const topic of topics) await publisher.publish({ topic: `${base}${topic}` });
  const end = context.topic();
  await subscriber.subscribe(end);
  await publisher.publish({ topic: end });
  const found: string[] = [];
  for (let message = await subscriber.receive(); message.topic !== end; message = await subscriber.receive())
    found.push(message.topic.slice(base.length));
  return found;
}

const topics = ['', '/', '/a', '/a/b', '/a/b/c', '/b', '//b', 'x', '/a/', '/ä', '/$a'];

/** Matching (section 4.7). */
export const topicTests: readonly WireTest[] = [
  ...both('3.3.2-3 4.7.1-1', '3.3.2-3 4.7.1-2', '# matches the parent and any number of levels', async (context) => {
    equal(
      await matched(context, context.topic(), '/#', topics),
      topics.filter((topic) => topic !== 'x'),
      'topics',
    );
    equal(await matched(context, context.topic(), '/a/#', topics), ['/a', '/a/b', '/a/b/c', '/a/'], 'topics');
  }),
  ...both('3.3.2-3 4.7.1-2', '3.3.2-3 4.7.1-3', '+ matches exactly one level, which may be empty', async (context) => {
    equal(await matched(context, context.topic(), '/+', topics), ['/', '/a', '/b', '/ä', '/$a'], 'topics');
    equal(await matched(context, context.topic(), '/+/b', topics), ['/a/b', '//b'], 'topics');
    equal(await matched(context, context.topic(), '/+/+', topics), ['/a/b', '//b', '/a/'], 'topics');
    equal(await matched(context, context.topic(), '/a/+/#', topics), ['/a/b', '/a/b/c', '/a/'], 'topics');
  }),
  ...both('3.3.2-3 4.7.3-4', '3.3.2-3 4.7.3-4', 'a filter without wildcards matches its own text only', async (context) => {
    equal(await matched(context, context.topic(), '/a', topics), ['/a'], 'topics');
    equal(await matched(context, context.topic(), '/a/', topics), ['/a/'], 'topics');
    equal(await matched(context, context.topic(), '/a b', ['/a b', '/a  b', '/ab', '/a B']), ['/a b'], 'topics');
  }),
  ...both('4.7.2-1', '4.7.2-1', 'a filter that starts with a wildcard does not match topics that start with $', async (context) => {
    const [subscriber, control, publisher] = [await context.connect(), await context.connect(), await context.connect()];
    const level = context.clientId();
    const topic = `$si-conformance/${level}`;
    await control.subscribe(topic);
    await subscriber.subscribe([{ filter: `+/${level}` }, { filter: `+/${level}/#` }, { filter: `#` }]);
    publisher.send(Buffer.of(0xc0, 0));
    await publisher.expect('pingresp');
    await publisher.publish({ topic, payload: 'hidden' });
    await publisher.publish({ topic: `x/${level}`, payload: 'seen' });
    await control.barrier();
    control.send(Buffer.of(0xc0, 0));
    if ((await control.expectOneOf(['publish', 'pingresp'])).type === 'pingresp')
      context.notObserved('clients cannot publish to topics with $ here');
    for (;;) {
      const message = await subscriber.receive();
      if (message.topic.startsWith('$')) subscriber.fail(`${message.topic} came`);
      if (message.topic === `x/${level}`) return;
    }
  }),
];
